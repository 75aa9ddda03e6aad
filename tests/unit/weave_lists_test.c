// uses: weave clr
/* What is passed how, and what is never woven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clr_element.h"
#include "weave.h"

static void passes_of_types(void **state)
{
    (void)state;
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_BOOLEAN, false), WEAVE_PASS_SCALAR);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_PTR, false), WEAVE_PASS_SCALAR);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_R4, false), WEAVE_PASS_DOUBLE);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_SZARRAY, false), WEAVE_PASS_REFERENCE);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_MVAR, false), WEAVE_PASS_ADDRESS);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_BYREF, false), WEAVE_PASS_ADDRESS);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_GENERICINST, false), WEAVE_PASS_REFERENCE);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_GENERICINST, true), WEAVE_PASS_ADDRESS);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_VOID, false), 0);
    assert_int_equal(weave_pass_of(ELEMENT_TYPE_TYPEDBYREF, false), 0);
    assert_int_equal(weave_pass_of(0xff, false), 0);
}

static bool never(const char *name_space, const char *type, const char *method)
{
    struct error error;
    error_init(&error);
    enum status status = weave_never(name_space, type, method, &error);
    assert_true(status == STATUS_OK || (error.message[0] && status == STATUS_UNSUPPORTED));
    return status != STATUS_OK;
}

static void methods_that_are_never_woven(void **state)
{
    (void)state;
    assert_true(never("System.Threading", "Thread", "PollGC"));
    assert_true(never("System.Threading", "Thread", "<PollGC>g__PollGCWorker|67_0"));
    assert_true(never("System.Runtime", "EH", "DispatchEx"));
    assert_true(never("System.Runtime", "EH+ExInfo", "Init"));
    assert_true(never("System.Runtime.CompilerServices", "CastHelpers", "ChkCastAny"));
    assert_true(never("System.Threading.Tasks", "Task", "get_Id"));
    assert_false(never("System.Threading", "Thread", "Sleep"));
    assert_false(never("Shop", "EH", "DispatchEx"));
    assert_false(never("System.Runtime", "EHelper", "Run"));
    assert_false(never("System", "SpanHelpers", "IndexOf"));
    assert_false(never("", "Program", "PollGC"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_of_types),
        cmocka_unit_test(methods_that_are_never_woven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
