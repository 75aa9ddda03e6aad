// uses: weave metadata il clr
/* Async methods and iterators as the C# compiler writes them, cut down to what matters. */
#include "weave_expect.h"

/* ---- async ---- */

static void kickoff_hands_the_call_to_its_task(void **state)
{
    (void)state;
    BODY(2, 0x14, 0x2a);
    struct weave_request request = request_for(METHOD_TASK, WEAVE_ASYNC_KICKOFF);
    expect_woven(&request, "kickoff");
    request = request_for(METHOD_ADD, WEAVE_ASYNC_KICKOFF);
    expect_refused(&request, STATUS_UNSUPPORTED, "neither Task nor Task<T>");
}

/* Nothing is returned: the Task is taken from the builder in the local state machine. */
static void kickoff_of_async_void(void **state)
{
    (void)state;
    begin_fat(&body, 8, TOKEN_LOCALS);
    PUT(&body, 0x12, 0x00, 0x7c, 0x08, 0x00, 0x00, 0x04, 0x26, 0x2a); /* ldloca.s 0; ldflda; pop */
    end_fat(&body);
    struct weave_request request = request_for(METHOD_FIRE, WEAVE_ASYNC_KICKOFF);
    request.task_offset = 8;
    expect_woven(&request, "kickoff of async void");
    BODY(1, 0x2a);
    expect_refused(&request, STATUS_UNSUPPORTED, "no state machine");
}

static void move_next_tells_both_completions(void **state)
{
    (void)state;
    begin_fat(&body, 8, 0);
    PUT(&body, 0x02, 0x7b, 0x05, 0x00, 0x00, 0x04, 0x26); /* ldfld state; pop */
    PUT(&body, 0x02, 0x7c, 0x06, 0x00, 0x00, 0x04, 0x1b); /* ldflda builder; ldc 5 */
    PUT(&body, 0x28, 0x04, 0x00, 0x00, 0x0a);             /* SetResult */
    PUT(&body, 0x02, 0x7c, 0x06, 0x00, 0x00, 0x04, 0x14); /* ldflda builder; ldnull */
    PUT(&body, 0x28, 0x05, 0x00, 0x00, 0x0a, 0x2a);       /* SetException; ret */
    end_fat(&body);
    struct weave_value result = {WEAVE_RESULT, 0, 0, WEAVE_PASS_SCALAR};
    struct weave_request request = request_for(METHOD_MOVE_NEXT, WEAVE_ASYNC_MOVE_NEXT);
    request.exit = &result;
    request.exit_count = 1;
    expect_woven(&request, "move next");
    result.pass = WEAVE_PASS_REFERENCE;
    expect_refused(&request, STATUS_BUG, "not passed in the way");
    result = (struct weave_value){WEAVE_ARGUMENT, 0, 0, WEAVE_PASS_ADDRESS};
    expect_refused(&request, STATUS_BUG, "without arguments");
}

static void move_next_of_async_void(void **state)
{
    (void)state;
    begin_fat(&body, 8, 0);
    PUT(&body, 0x02, 0x7b, 0x07, 0x00, 0x00, 0x04, 0x26);
    PUT(&body, 0x02, 0x7c, 0x08, 0x00, 0x00, 0x04);
    PUT(&body, 0x28, 0x06, 0x00, 0x00, 0x0a, 0x2a);
    end_fat(&body);
    struct weave_request request = request_for(METHOD_MOVE_NEXT_VOID, WEAVE_ASYNC_MOVE_NEXT);
    request.task_offset = 8;
    expect_woven(&request, "move next of async void");
}

static void move_next_of_other_builders_is_refused(void **state)
{
    (void)state;
    begin_fat(&body, 8, 0);
    PUT(&body, 0x02, 0x7b, 0x09, 0x00, 0x00, 0x04, 0x26);
    PUT(&body, 0x02, 0x7c, 0x0a, 0x00, 0x00, 0x04);
    PUT(&body, 0x28, 0x08, 0x00, 0x00, 0x0a, 0x2a);
    end_fat(&body);
    struct weave_request request = request_for(METHOD_MOVE_NEXT_VALUE, WEAVE_ASYNC_MOVE_NEXT);
    expect_refused(&request, STATUS_UNSUPPORTED, "not one of Task");
    BODY(1, 0x2a);
    expect_refused(&request, STATUS_UNSUPPORTED, "no state machine");
    begin_fat(&body, 8, 0);
    PUT(&body, 0x02, 0x7b, 0x05, 0x00, 0x00, 0x04, 0x26);
    PUT(&body, 0x02, 0x7c, 0x06, 0x00, 0x00, 0x04, 0x26, 0x2a);
    end_fat(&body);
    request = request_for(METHOD_MOVE_NEXT, WEAVE_ASYNC_MOVE_NEXT);
    expect_refused(&request, STATUS_UNSUPPORTED, "no completion");
}

/* ---- iterators ---- */

/* The type is generic: its fields are named by references to its own instantiation, also one
 * that this body does not use. */
static void iterators_name_their_fields(void **state)
{
    (void)state;
    begin_fat(&body, 8, 0);
    PUT(&body, 0x02, 0x7b, 0x01, 0x00, 0x00, 0x0a, 0x2a); /* ldarg.0; ldfld state; ret */
    end_fat(&body);
    struct weave_value fields[] = {
        {WEAVE_FIELD, 0, FIELD_ITERATOR_ITEM, WEAVE_PASS_ADDRESS},
        {WEAVE_FIELD, 0, FIELD_ITERATOR_NAME, WEAVE_PASS_REFERENCE},
        {WEAVE_FIELD, 0, FIELD_ITERATOR_STATE, WEAVE_PASS_SCALAR},
    };
    struct weave_request request = request_for(METHOD_MOVE_NEXT_ITERATOR, WEAVE_ITERATOR_MOVE_NEXT);
    request.enter = fields;
    request.enter_count = 3;
    expect_woven(&request, "iterator");
    fields[0].token = FIELD_ITERATOR_UNUSED;
    expect_refused(&request, STATUS_UNSUPPORTED, "cannot be named");
    fields[0].token = FIELD_MACHINE_STATE;
    expect_refused(&request, STATUS_UNSUPPORTED, "cannot be named");
    request.enter_count = 0;
    BODY(2, 0x16, 0x2a);
    expect_refused(&request, STATUS_UNSUPPORTED, "no state of an iterator");
    request = request_for(METHOD_MOVE_NEXT, WEAVE_ITERATOR_MOVE_NEXT);
    expect_refused(&request, STATUS_UNSUPPORTED, "is no object");
}

static void iterators_are_disposed_of(void **state)
{
    (void)state;
    BODY(1, 0x2a);
    struct weave_request request = request_for(METHOD_DISPOSE, WEAVE_ITERATOR_DISPOSE);
    expect_woven(&request, "dispose");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int count, char **arguments)
{
    showing = count > 1 && strcmp(arguments[1], "--show") == 0;
    const struct CMUnitTest tests[] = {
        TEST(kickoff_hands_the_call_to_its_task),
        TEST(kickoff_of_async_void),
        TEST(move_next_tells_both_completions),
        TEST(move_next_of_async_void),
        TEST(move_next_of_other_builders_is_refused),
        TEST(iterators_name_their_fields),
        TEST(iterators_are_disposed_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
