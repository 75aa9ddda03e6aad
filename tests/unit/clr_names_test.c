// uses: clr
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "clr_element.h"
#include "clr_flags.h"
#include "clr_hresult.h"
#include "clr_token.h"

static void results_have_names_and_words(void **state)
{
    (void)state;
    char text[HRESULT_TEXT_BYTES];
    assert_string_equal(hresult_name((HRESULT)0x8013136Au), "CORPROF_E_PROFILER_ALREADY_ACTIVE");
    assert_int_equal(CORPROF_E_UNSUPPORTED_CALL_SEQUENCE, (HRESULT)0x80131363u);
    assert_int_equal(E_INVALIDARG, (HRESULT)0x80070057u);
    assert_string_equal(hresult_name(S_OK), "S_OK");
    assert_null(hresult_name((HRESULT)0x80139999u));
    assert_string_equal(hresult_meaning((HRESULT)0x80139999u), "unknown result");
    assert_string_equal(hresult_text((HRESULT)0x80139999u, text, sizeof(text)),
                        "0x80139999: unknown result");
    hresult_text((HRESULT)0x8013136Au, text, sizeof(text));
    assert_true(strstr(text, "0x8013136A CORPROF_E_PROFILER_ALREADY_ACTIVE: the only") == text);
    assert_true(hresult_failed(E_FAIL));
    assert_false(hresult_failed(S_FALSE));
    assert_false(hresult_failed(META_S_DUPLICATE));
}

/* Sorted, so without doubles; and no text is longer than what holds it. */
static void the_table_of_results_is_sorted(void **state)
{
    (void)state;
    static const uint32_t values[] = {
#define CLR_HRESULT(name, value, meaning) value##u,
#include "clr_hresult.def"
#undef CLR_HRESULT
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        char text[2 * HRESULT_TEXT_BYTES];
        if (i > 0)
            assert_true(values[i - 1] < values[i]);
        hresult_text((HRESULT)values[i], text, sizeof(text));
        assert_true(strlen(text) < HRESULT_TEXT_BYTES);
    }
}

static void tokens(void **state)
{
    (void)state;
    mdToken token = token_make(CLR_TABLE_MethodDef, 0x123456);
    assert_int_equal(token, 0x06123456);
    assert_int_equal(token_table(token), CLR_TABLE_MethodDef);
    assert_int_equal(token_rid(token), 0x123456);
    assert_true(token_is(token, CLR_TABLE_MethodDef));
    assert_false(token_is(token, CLR_TABLE_MemberRef));
    assert_false(token_is(mdtMethodDef, CLR_TABLE_MethodDef));
    assert_true(token_is_nil(mdtMethodDef));
    assert_string_equal(clr_table_name(0x2c), "GenericParamConstraint");
    assert_string_equal(clr_table_name(0x70), "UserString");
    assert_string_equal(clr_table_name(0x2f), "?");
    /* ECMA-335 II.23.2.8: typeref 0x12 is coded 0x49 */
    assert_int_equal(token_to_type_def_or_ref(0x01000012), 0x49);
    assert_int_equal(token_from_type_def_or_ref(0x49), 0x01000012);
    assert_int_equal(token_from_type_def_or_ref(0x4a), 0x1b000012);
    assert_int_equal(token_from_type_def_or_ref(0x4b), mdTokenNil);
    assert_int_equal(token_to_type_def_or_ref(0x06000001), UINT32_MAX);
}

static void elements(void **state)
{
    (void)state;
    assert_string_equal(clr_element_name(0x1d), "ELEMENT_TYPE_SZARRAY");
    assert_string_equal(clr_element_name(0x17), "?");
    assert_string_equal(clr_element_keyword(ELEMENT_TYPE_U8), "ulong");
    assert_null(clr_element_keyword(ELEMENT_TYPE_VAR));
    assert_string_equal(clr_element_full_name(ELEMENT_TYPE_U), "System.UIntPtr");
    assert_string_equal(clr_element_full_name(ELEMENT_TYPE_STRING), "System.String");
    assert_null(clr_element_full_name(ELEMENT_TYPE_CLASS));
    assert_null(clr_element_full_name(UINT32_MAX));
    assert_int_equal(clr_element_named("System.SByte"), ELEMENT_TYPE_I1);
    assert_int_equal(clr_element_named("System.Object"), ELEMENT_TYPE_OBJECT);
    assert_int_equal(clr_element_named("System.Decimal"), 0);
    assert_int_equal(clr_element_named(""), 0);
    assert_int_equal(clr_element_size(ELEMENT_TYPE_CHAR), 2);
    assert_int_equal(clr_element_size(ELEMENT_TYPE_CLASS), 0);
}

static void methods_without_il(void **state)
{
    (void)state;
    assert_true(clr_method_has_il(mdPublic | mdStatic, miIL));
    assert_true(clr_method_has_il(mdPublic, miSynchronized | miNoInlining | miAsync));
    assert_false(clr_method_has_il(mdPublic | mdAbstract, miIL));
    assert_false(clr_method_has_il(mdPublic | mdPinvokeImpl, miIL));
    assert_false(clr_method_has_il(mdPublic, miRuntime));
    assert_false(clr_method_has_il(mdPublic, miInternalCall));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_have_names_and_words),
        cmocka_unit_test(the_table_of_results_is_sorted),
        cmocka_unit_test(tokens),
        cmocka_unit_test(elements),
        cmocka_unit_test(methods_without_il),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
