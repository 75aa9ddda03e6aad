// uses: wire base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire_message.h"
#include "wire_record.h"
#include "wire_tlv.h"

static struct reader reader_of(const struct buffer *buffer)
{
    struct reader reader;
    reader_init(&reader, buffer->data, buffer->length);
    return reader;
}

static void fields_come_back(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    tlv_put_u32(&buffer, 1, 0xdeadbeef);
    tlv_put_u64(&buffer, 2, 0x0123456789abcdefull);
    tlv_put_text(&buffer, 3, "Grüße");
    tlv_put_text(&buffer, 4, NULL);
    size_t outer = tlv_begin(&buffer, 5);
    size_t inner = tlv_begin(&buffer, 6);
    tlv_put_u32(&buffer, 7, 42);
    tlv_end(&buffer, inner);
    tlv_end(&buffer, outer);
    tlv_put_bytes(&buffer, 8, NULL, 0);
    assert_false(buffer_failed(&buffer));

    struct reader reader = reader_of(&buffer);
    struct tlv field;
    assert_true(tlv_next(&reader, &field));
    assert_int_equal(field.tag, 1);
    assert_true(tlv_u32(&field) == 0xdeadbeef && tlv_u64(&field) == 0xdeadbeef);
    assert_true(tlv_next(&reader, &field));
    assert_true(tlv_u64(&field) == 0x0123456789abcdefull);
    assert_int_equal(tlv_u32(&field), 0);
    assert_true(tlv_next(&reader, &field));
    char text[16];
    tlv_copy_text(&field, text, sizeof text);
    assert_string_equal(text, "Grüße");
    tlv_copy_text(&field, text, 4); /* ü would be cut in two */
    assert_string_equal(text, "Gr");
    assert_int_equal(tlv_u64(&field), 0);
    assert_true(tlv_next(&reader, &field));
    assert_int_equal(field.tag, 5);
    struct tlv nested;
    assert_true(tlv_next(&field.value, &nested));
    assert_int_equal(nested.tag, 6);
    struct tlv leaf;
    assert_true(tlv_next(&nested.value, &leaf));
    assert_int_equal(tlv_u32(&leaf), 42);
    assert_false(tlv_next(&nested.value, &leaf));
    assert_false(reader_failed(&nested.value));
    assert_true(tlv_next(&reader, &field));
    size_t length = 9;
    assert_non_null(tlv_text(&field, &length));
    assert_int_equal(length, 0);
    assert_false(tlv_next(&reader, &field));
    assert_false(reader_failed(&reader));
    buffer_release(&buffer);
}

static void nuls_in_text_become_visible(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    tlv_put_bytes(&buffer, 1, "a\0b", 3);
    struct reader reader = reader_of(&buffer);
    struct tlv field;
    assert_true(tlv_next(&reader, &field));
    char *copy = tlv_dup_text(&field);
    assert_string_equal(copy, "a?b");
    free(copy);
    buffer_release(&buffer);
}

static void every_cut_is_seen(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    tlv_put_text(&buffer, 1, "hello");
    for (size_t length = 1; length < buffer.length; length++) {
        struct reader reader;
        struct tlv field;
        reader_init(&reader, buffer.data, length);
        assert_false(tlv_next(&reader, &field));
        assert_true(reader_failed(&reader));
    }
    buffer.data[2] = 1; /* the reserved bytes must be zero */
    struct reader reader = reader_of(&buffer);
    struct tlv field;
    assert_false(tlv_next(&reader, &field));
    assert_true(reader_failed(&reader));
    buffer_release(&buffer);
}

static void huge_lengths_are_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'x'};
    struct reader reader;
    struct tlv field;
    reader_init(&reader, bytes, sizeof bytes);
    assert_false(tlv_next(&reader, &field));
    assert_true(reader_failed(&reader));
}

static void frames_are_taken_whole(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    size_t mark = wire_frame_begin(&buffer, WIRE_MSG_HELLO);
    tlv_put_u32(&buffer, WIRE_HELLO_MAJOR, 1);
    wire_frame_end(&buffer, mark);
    size_t first = buffer.length;
    mark = wire_frame_begin(&buffer, WIRE_MSG_END);
    wire_frame_end(&buffer, mark);

    size_t full = buffer.length, whole;
    uint16_t type;
    struct reader payload;
    for (size_t length = 0; length < first; length++) {
        buffer.length = length;
        assert_int_equal(wire_frame_take(&buffer, &type, &payload, &whole, NULL), STATUS_NOT_FOUND);
    }
    buffer.length = full;
    assert_int_equal(wire_frame_take(&buffer, &type, &payload, &whole, NULL), STATUS_OK);
    assert_int_equal(type, WIRE_MSG_HELLO);
    assert_int_equal(whole, first);
    assert_int_equal(reader_left(&payload), first - sizeof(struct wire_frame));
    buffer_consume(&buffer, whole);
    assert_int_equal(wire_frame_take(&buffer, &type, &payload, &whole, NULL), STATUS_OK);
    assert_int_equal(type, WIRE_MSG_END);
    assert_int_equal(reader_left(&payload), 0);
    buffer_release(&buffer);
}

static enum status take_head(uint32_t magic, uint32_t length, struct error *error)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    buffer_append_u32(&buffer, magic);
    buffer_append_u16(&buffer, WIRE_MSG_HELLO);
    buffer_append_u16(&buffer, 0);
    buffer_append_u32(&buffer, length);
    uint16_t type;
    struct reader payload;
    size_t whole;
    enum status status = wire_frame_take(&buffer, &type, &payload, &whole, error);
    buffer_release(&buffer);
    return status;
}

static void foreign_frames_are_refused(void **state)
{
    (void)state;
    struct error error;
    error_init(&error);
    assert_int_equal(take_head(0x20544547, 0, &error), STATUS_PEER);
    assert_non_null(strstr(error.message, "protocol"));
    assert_int_equal(take_head(WIRE_FRAME_MAGIC, WIRE_FRAME_MAX + 1, &error), STATUS_PEER);
    assert_int_equal(take_head(WIRE_FRAME_MAGIC, WIRE_FRAME_MAX, &error), STATUS_NOT_FOUND);
    assert_int_equal(take_head(WIRE_FRAME_MAGIC, 0, &error), STATUS_OK);
}

static void errors_travel(void **state)
{
    (void)state;
    struct error sent, got;
    error_init(&sent);
    error_set_at(&sent, STATUS_USAGE, 7, "'order.Totl': Order has no field 'Totl'");
    error_hint(&sent, "Order has Id, Total");
    struct buffer buffer;
    buffer_init(&buffer, 0);
    wire_put_error(&buffer, &sent);
    uint16_t type;
    struct reader payload;
    size_t whole;
    assert_int_equal(wire_frame_take(&buffer, &type, &payload, &whole, NULL), STATUS_OK);
    assert_int_equal(type, WIRE_MSG_ERROR);
    wire_get_error(payload, &got);
    assert_int_equal(got.status, STATUS_USAGE);
    assert_int_equal(got.offset, 7);
    assert_string_equal(got.message, sent.message);
    assert_string_equal(got.hint, sent.hint);
    buffer_release(&buffer);
}

static void hostile_errors_stay_errors(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    tlv_put_u32(&buffer, WIRE_ERROR_STATUS, STATUS_OK); /* an error never is a success */
    struct error got;
    wire_get_error(reader_of(&buffer), &got);
    assert_int_equal(got.status, STATUS_PEER);
    assert_true(got.message[0] != '\0');
    buffer_clear(&buffer);
    tlv_put_u32(&buffer, WIRE_ERROR_STATUS, 4711);
    tlv_put_text(&buffer, WIRE_ERROR_MESSAGE, "x");
    wire_get_error(reader_of(&buffer), &got);
    assert_int_equal(got.status, STATUS_PEER);
    assert_string_equal(got.message, "x");
    buffer_release(&buffer);
}

static struct wire_client_data client_data(void)
{
    struct wire_client_data data = {.magic = WIRE_FRAME_MAGIC,
                                    .major = WIRE_MAJOR,
                                    .minor = WIRE_MINOR,
                                    .nonce = {0x1122334455667788ull, 5},
                                    .deadline = 99,
                                    .mode = WIRE_ATTACH_PROBE,
                                    .pid = 4711,
                                    .parent = 12,
                                    .directory = "/tmp"};
    return data;
}

static void client_data_goes_through_the_environment(void **state)
{
    (void)state;
    struct wire_client_data sent = client_data(), got;
    char text[WIRE_START_HEX_LENGTH + 1];
    wire_start_put(text, &sent);
    assert_int_equal(strlen(text), WIRE_START_HEX_LENGTH);
    assert_int_equal(wire_start_get(text, &got, NULL), STATUS_OK);
    assert_memory_equal(&sent, &got, sizeof sent);
    text[3] = 'x';
    assert_int_equal(wire_start_get(text, &got, NULL), STATUS_PEER);
    text[3] = '\0';
    assert_int_equal(wire_start_get(text, &got, NULL), STATUS_PEER);
    assert_int_equal(wire_start_get("", &got, NULL), STATUS_PEER);
}

static void client_data_is_checked(void **state)
{
    (void)state;
    struct wire_client_data sent = client_data(), got;
    assert_int_equal(wire_client_data_get(&sent, sizeof sent, &got, NULL), STATUS_OK);
    assert_int_equal(wire_client_data_get(&sent, sizeof sent - 1, &got, NULL), STATUS_PEER);
    assert_int_equal(wire_client_data_get(NULL, 0, &got, NULL), STATUS_PEER);
    sent.major++;
    assert_int_equal(wire_client_data_get(&sent, sizeof sent, &got, NULL), STATUS_PEER);
    sent = client_data();
    sent.magic = 0;
    assert_int_equal(wire_client_data_get(&sent, sizeof sent, &got, NULL), STATUS_PEER);
    sent = client_data();
    memset(sent.directory, 'x', sizeof sent.directory);
    assert_int_equal(wire_client_data_get(&sent, sizeof sent, &got, NULL), STATUS_PEER);
}

static void socket_names(void **state)
{
    (void)state;
    char name[64];
    assert_true(wire_socket_name(name, sizeof name, 4711, 123456));
    assert_string_equal(name, "rejig-4711-123456-socket");
    assert_false(wire_socket_name(name, 10, 4711, 123456));
}

static void class_id_is_one(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = WIRE_AGENT_CLSID_BYTES;
    char text[64];
    snprintf(text, sizeof text,
             "{%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}", bytes[3],
             bytes[2], bytes[1], bytes[0], bytes[5], bytes[4], bytes[7], bytes[6], bytes[8],
             bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
    assert_string_equal(text, WIRE_AGENT_CLSID_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(nuls_in_text_become_visible),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(huge_lengths_are_refused),
        cmocka_unit_test(frames_are_taken_whole),
        cmocka_unit_test(foreign_frames_are_refused),
        cmocka_unit_test(errors_travel),
        cmocka_unit_test(hostile_errors_stay_errors),
        cmocka_unit_test(client_data_goes_through_the_environment),
        cmocka_unit_test(client_data_is_checked),
        cmocka_unit_test(socket_names),
        cmocka_unit_test(class_id_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
