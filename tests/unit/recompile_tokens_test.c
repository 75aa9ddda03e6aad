// uses: standin recompile weave wire metadata il clr abi base
// sanitize: address,undefined thread
// Tokens that weave asks for: found in CoreLib itself, added elsewhere, once each; and the
// composition of IL maps.
#include "metadata_resolve.h"
#include "recompile_harness.h"
#include "recompile_internal.h"

#define SUPPRESS_SPACE "System.Runtime.CompilerServices"
#define SUPPRESS_NAME  "CallConvSuppressGCTransition"

static const struct weave_tokens *tokens_of(ModuleID module)
{
    const struct weave_tokens *tokens = NULL;
    struct error error;
    struct module_entry *entry = modules_entry(recompile_modules(harness_recompile), module);
    assert_non_null(entry);
    assert_int_equal(recompile_tokens(harness_recompile, entry, &tokens, &error), STATUS_OK);
    return tokens;
}

static uint32_t type(const struct weave_tokens *tokens, const char *space, const char *name)
{
    uint32_t token = 0;
    struct error error;
    error_init(&error);
    const enum status status = tokens->core_type(tokens->context, space, name, &token, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, STATUS_OK);
    return token;
}

static void references_are_added_once(void **state)
{
    struct bench bench;
    struct error error;
    uint32_t token = 0, again = 0, method = 0;
    static const uint8_t locals[] = {0x07, 0x02, 0x08, 0x0a};
    static const uint8_t other[] = {0x07, 0x02, 0x08, 0x0b};
    static const uint8_t gethash[] = {0x00, 0x01, 0x08, 0x1c};
    (void)state;
    harness_up(&bench);
    const struct weave_tokens *tokens = tokens_of(bench.linq);
    assert_ptr_equal(tokens_of(bench.linq), tokens);

    const uint32_t suppress = type(tokens, SUPPRESS_SPACE, SUPPRESS_NAME);
    assert_int_equal(token_table(suppress), CLR_TABLE_TypeRef);
    const uint32_t after = standin_counts(bench.standin).tokens;
    assert_int_equal(type(tokens, SUPPRESS_SPACE, SUPPRESS_NAME), suppress);
    assert_int_equal(standin_counts(bench.standin).tokens, after);
    const uint32_t helpers = type(tokens, SUPPRESS_SPACE, "RuntimeHelpers");
    assert_int_not_equal(helpers, suppress);
    /* One reference to the core library serves all. */
    const struct metadata_image *image =
        modules_find(recompile_modules(harness_recompile), bench.linq)->image;
    const bool has = !token_is_nil(metadata_find_assembly_ref(image, "System.Private.CoreLib"));
    assert_int_equal(standin_counts(bench.standin).assembly_refs, has ? 0 : 1);

    assert_int_equal(tokens->core_method(tokens->context, helpers, "GetHashCode", gethash,
                                         sizeof(gethash), &method, &error),
                     STATUS_OK);
    assert_int_equal(token_table(method), CLR_TABLE_MemberRef);

    assert_int_equal(tokens->signature(tokens->context, locals, sizeof(locals), &token, &error),
                     STATUS_OK);
    assert_int_equal(token_table(token), CLR_TABLE_StandAloneSig);
    assert_int_equal(tokens->signature(tokens->context, locals, sizeof(locals), &again, &error),
                     STATUS_OK);
    assert_int_equal(token, again);
    assert_int_equal(tokens->signature(tokens->context, other, sizeof(other), &again, &error),
                     STATUS_OK);
    assert_int_not_equal(token, again);
    /* What was added can be read again: the next tenant meets it in the body. */
    const uint8_t *blob = NULL;
    size_t length = 0;
    assert_int_equal(tokens->signature_blob(tokens->context, token, &blob, &length, &error),
                     STATUS_OK);
    assert_int_equal(length, sizeof(locals));
    assert_memory_equal(blob, locals, length);
    assert_int_equal(tokens->signature_blob(tokens->context, 0x11ffffff, &blob, &length, &error),
                     STATUS_TARGET);
    harness_down(&bench);
}

static void the_core_library_names_its_own(void **state)
{
    struct bench bench;
    struct error error;
    uint32_t method = 0;
    static const uint8_t gethash[] = {0x00, 0x01, 0x08, 0x1c};
    static const uint8_t wrong[] = {0x00, 0x01, 0x08, 0x0e};
    (void)state;
    harness_up(&bench);
    const struct weave_tokens *tokens = tokens_of(bench.core);
    const uint32_t suppress = type(tokens, SUPPRESS_SPACE, SUPPRESS_NAME);
    assert_int_equal(token_table(suppress), CLR_TABLE_TypeDef);
    const uint32_t helpers = type(tokens, SUPPRESS_SPACE, "RuntimeHelpers");
    assert_int_equal(tokens->core_method(tokens->context, helpers, "GetHashCode", gethash,
                                         sizeof(gethash), &method, &error),
                     STATUS_OK);
    assert_int_equal(token_table(method), CLR_TABLE_MethodDef);
    assert_int_equal(method, standin_method(bench.standin, bench.core,
                                            SUPPRESS_SPACE ".RuntimeHelpers", "GetHashCode"));
    assert_int_equal(tokens->core_method(tokens->context, helpers, "GetHashCode", wrong,
                                         sizeof(wrong), &method, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(standin_counts(bench.standin).tokens, 0);
    harness_down(&bench);
}

static void what_is_not_there_is_not_referenced(void **state)
{
    struct bench bench;
    struct error error;
    uint32_t token = 0;
    (void)state;
    harness_up(&bench);
    const struct weave_tokens *tokens = tokens_of(bench.linq);
    assert_int_equal(tokens->core_type(tokens->context, "System", "NoSuchType", &token, &error),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(error.message, "'System.NoSuchType'"));
    /* There, but not public: a reference would be a TypeAccessException in the target. */
    assert_int_equal(tokens->core_type(tokens->context, "System", "SR", &token, &error),
                     STATUS_NOT_FOUND);
    standin_fail(bench.standin, STANDIN_FAIL_EMIT, 0, 0, META_E_STRINGSPACE_FULL, 1);
    assert_int_equal(
        tokens->core_type(tokens->context, SUPPRESS_SPACE, SUPPRESS_NAME, &token, &error),
        STATUS_TARGET);
    /* A failure is not remembered. */
    assert_int_equal(
        tokens->core_type(tokens->context, SUPPRESS_SPACE, SUPPRESS_NAME, &token, &error),
        STATUS_OK);
    harness_down(&bench);
}

static void maps_are_composed(void **state)
{
    static const struct recompile_il_map first[] = {{0, 10}, {3, 13}, {7, 20}};
    static const struct recompile_il_map second[] = {{0, 5}, {13, 30}, {18, 40}};
    (void)state;
    struct recompile_il_map *map = recompile_map_compose(first, 3, second, 3);
    assert_int_equal(map[0].old_offset, 0);
    assert_int_equal(map[0].new_offset, 15);
    assert_int_equal(map[1].new_offset, 30);
    assert_int_equal(map[2].old_offset, 7);
    assert_int_equal(map[2].new_offset, 42);
    free(map);
    /* In front of the second map's first entry nothing has moved. */
    static const struct recompile_il_map late[] = {{12, 50}};
    map = recompile_map_compose(first, 3, late, 1);
    assert_int_equal(map[0].new_offset, 10);
    assert_int_equal(map[1].new_offset, 51);
    free(map);
    map = recompile_map_compose(NULL, 0, second, 3);
    assert_non_null(map);
    free(map);
}

/* The table that claims stand in, against what it should hold, over many changes. */
static void the_method_table_keeps_what_it_holds(void **state)
{
    struct method_table table = {0};
    bool there[512] = {false};
    uint32_t random = 12345;
    (void)state;
    assert_null(method_table_find(&table, (struct method_key){.module = 1, .method = 2}));
    for (int i = 0; i < 20000; i++) {
        random = random * 1103515245 + 12345;
        const uint32_t n = random >> 16 & 511;
        const struct method_key key = {.module = 0x7f0000000000 + (n >> 4) * 8,
                                       .method = 0x06000001 + (n & 15)};
        if (random & 1) {
            struct method_entry *entry = method_table_add(&table, key);
            assert_int_equal(entry->key.module, key.module);
            assert_int_equal(entry->key.method, key.method);
            there[n] = true;
        } else {
            method_table_remove(&table, key);
            there[n] = false;
        }
        if (i % 97 == 0) {
            size_t count = 0;
            for (uint32_t m = 0; m < 512; m++) {
                const struct method_key wanted = {.module = 0x7f0000000000 + (m >> 4) * 8,
                                                  .method = 0x06000001 + (m & 15)};
                assert_int_equal(method_table_find(&table, wanted) != NULL, there[m]);
                count += there[m];
            }
            assert_int_equal(table.count, count);
        }
    }
    method_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_added_once),
        cmocka_unit_test(the_core_library_names_its_own),
        cmocka_unit_test(what_is_not_there_is_not_referenced),
        cmocka_unit_test(maps_are_composed),
        cmocka_unit_test(the_method_table_keeps_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
