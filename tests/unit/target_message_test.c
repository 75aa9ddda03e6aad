// uses: target wire clr base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_utf16.h"
#include "target_ipc.h"
#include "wire_message.h"

static void put_text(struct buffer *buffer, const char *text)
{
    uint16_t units[128];
    size_t count = utf16_from_utf8(units, 128, text);
    buffer_append_u32(buffer, (uint32_t)count + 1);
    buffer_append(buffer, units, 2 * (count + 1));
}

static void a_request_is_one_whole(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    target_ipc_put(&buffer, TARGET_IPC_PROCESS_INFO2, NULL, 0);
    static const uint8_t expected[20] = {'D', 'O', 'T', 'N', 'E', 'T', '_', 'I', 'P', 'C',
                                         '_', 'V', '1', 0,   20,  0,   4,   4,   0,   0};
    assert_int_equal(buffer.length, 20);
    assert_memory_equal(buffer.data, expected, 20);
    buffer_release(&buffer);
}

static void attach_has_all_its_parts(void **state)
{
    (void)state;
    static const uint8_t clsid[16] = WIRE_AGENT_CLSID_BYTES;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(target_ipc_put_attach(&buffer, 1500, clsid, "/tmp/ü.so", "data", 4, NULL),
                     STATUS_OK);
    struct reader reader;
    reader_init(&reader, buffer.data, buffer.length);
    reader_skip(&reader, 14);
    assert_int_equal(reader_u16(&reader), buffer.length);
    assert_int_equal(reader_u8(&reader), 3);
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u16(&reader), 0);
    assert_int_equal(reader_u32(&reader), 1500);
    assert_memory_equal(reader_bytes(&reader, 16), clsid, 16);
    assert_int_equal(reader_u32(&reader), 10); /* nine characters and the NUL */
    assert_int_equal(reader_u16(&reader), '/');
    reader_skip(&reader, 8);
    assert_int_equal(reader_u16(&reader), 0xfc);
    reader_skip(&reader, 6);
    assert_int_equal(reader_u16(&reader), 0);
    assert_int_equal(reader_u32(&reader), 4);
    assert_memory_equal(reader_bytes(&reader, 4), "data", 4);
    assert_int_equal(reader_left(&reader), 0);
    assert_false(reader_failed(&reader));
    buffer_release(&buffer);
}

static void too_long_a_request_is_never_begun(void **state)
{
    (void)state;
    static const uint8_t clsid[16] = {0};
    char *path = calloc(1, 40000);
    memset(path, 'x', 39999);
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(target_ipc_put_attach(&buffer, 1, clsid, path, "", 0, NULL), STATUS_LIMIT);
    assert_int_equal(buffer.length, 0);
    buffer_release(&buffer);
    free(path);
}

static void errors_have_name_and_meaning(void **state)
{
    (void)state;
    struct buffer buffer;
    struct reader payload;
    struct error error;
    uint32_t hresult;
    static const uint8_t code[4] = {0x6a, 0x13, 0x13, 0x80};
    error_init(&error);
    buffer_init(&buffer, 0);
    target_ipc_put(&buffer, TARGET_IPC_ERROR, code, sizeof code);
    assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, &error), STATUS_TARGET);
    assert_true(hresult == 0x8013136a);
    assert_non_null(strstr(error.message, "0x8013136A CORPROF_E_PROFILER_ALREADY_ACTIVE"));
    buffer_release(&buffer);
}

static void answers_come_in_pieces(void **state)
{
    (void)state;
    struct buffer buffer;
    struct reader payload;
    uint32_t hresult;
    buffer_init(&buffer, 0);
    target_ipc_put(&buffer, TARGET_IPC_OK, "abcd", 4);
    size_t whole = buffer.length;
    for (buffer.length = 0; buffer.length < whole; buffer.length++)
        assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, NULL), STATUS_NOT_FOUND);
    assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, NULL), STATUS_OK);
    assert_int_equal(reader_left(&payload), 4);
    buffer_release(&buffer);
}

static void garbage_is_not_an_answer(void **state)
{
    (void)state;
    struct buffer buffer;
    struct reader payload;
    uint32_t hresult;
    buffer_init(&buffer, 0);
    target_ipc_put(&buffer, TARGET_IPC_OK, "abcd", 4);
    buffer.data[14] = 19; /* smaller than its own head */
    assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, NULL), STATUS_PEER);
    buffer.data[14] = 24;
    buffer.data[16] = 7; /* a command set that is no answer */
    assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, NULL), STATUS_PEER);
    buffer.data[0] = 'X';
    assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, NULL), STATUS_PEER);
    buffer_clear(&buffer);
    target_ipc_put(&buffer, TARGET_IPC_ERROR, "ab", 2); /* an error without its code */
    assert_int_equal(target_ipc_take(&buffer, &payload, &hresult, NULL), STATUS_PEER);
    buffer_release(&buffer);
}

static void build_info(struct buffer *buffer)
{
    buffer_append_u32(buffer, 1);
    buffer_append_u64(buffer, 4711);
    buffer_append_zeros(buffer, 16);
    put_text(buffer, "dotnet Shop.dll \x1b[2J");
    put_text(buffer, "Linux");
    put_text(buffer, "x64");
    put_text(buffer, "Shop");
    put_text(buffer, "10.0.12+abcdef");
    put_text(buffer, "linux-x64");
}

static void process_info(void **state)
{
    (void)state;
    struct buffer buffer;
    struct target_info info;
    struct reader reader;
    buffer_init(&buffer, 0);
    build_info(&buffer);
    memset(&info, 0, sizeof info);
    reader_init(&reader, buffer.data, buffer.length);
    assert_int_equal(target_ipc_take_info(reader, TARGET_IPC_PROCESS_INFO3, &info, NULL),
                     STATUS_OK);
    assert_int_equal(info.pid, 4711);
    assert_string_equal(info.command, "dotnet Shop.dll ?[2J");
    assert_string_equal(info.os, "Linux");
    assert_string_equal(info.architecture, "x64");
    assert_string_equal(info.assembly, "Shop");
    assert_string_equal(info.version, "10.0.12");
    assert_string_equal(info.rid, "linux-x64");
    for (size_t length = 0; length < buffer.length; length++) {
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, buffer.data, length);
        reader_init(&reader, copy, length);
        assert_int_equal(target_ipc_take_info(reader, TARGET_IPC_PROCESS_INFO3, &info, NULL),
                         STATUS_PEER);
        free(copy);
    }
    buffer_release(&buffer);
}

static void lying_lengths_are_refused(void **state)
{
    (void)state;
    struct buffer buffer;
    struct target_info info = {0};
    struct reader reader;
    buffer_init(&buffer, 0);
    buffer_append_zeros(&buffer, 24);
    buffer_append_u32(&buffer, 0xffffffff);
    buffer_append_zeros(&buffer, 64);
    reader_init(&reader, buffer.data, buffer.length);
    assert_int_equal(target_ipc_take_info(reader, TARGET_IPC_PROCESS_INFO, &info, NULL),
                     STATUS_PEER);
    buffer_release(&buffer);
}

static void environment_answers(void **state)
{
    (void)state;
    struct buffer stream, text;
    struct reader reader;
    buffer_init(&stream, 0);
    buffer_init(&text, 0);
    buffer_append_u32(&stream, 2);
    put_text(&stream, "A=1");
    put_text(&stream, "B=ü");
    reader_init(&reader, stream.data, stream.length);
    assert_int_equal(target_ipc_take_environment(reader, &text, NULL), STATUS_OK);
    assert_int_equal(text.length, 9);
    assert_memory_equal(text.data, "A=1\0B=ü", 9);
    stream.data[0] = 3; /* one more than there are */
    assert_int_equal(target_ipc_take_environment(reader, &text, NULL), STATUS_PEER);
    buffer_release(&stream);
    buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_one_whole),
        cmocka_unit_test(attach_has_all_its_parts),
        cmocka_unit_test(too_long_a_request_is_never_begun),
        cmocka_unit_test(errors_have_name_and_meaning),
        cmocka_unit_test(answers_come_in_pieces),
        cmocka_unit_test(garbage_is_not_an_answer),
        cmocka_unit_test(process_info),
        cmocka_unit_test(lying_lengths_are_refused),
        cmocka_unit_test(environment_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
