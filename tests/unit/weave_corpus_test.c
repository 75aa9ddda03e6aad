// uses: weave metadata il clr
/* Weaves every method of assemblies that nobody here wrote, each for every kind that fits it,
 * and reads the result back. With arguments: those images instead, and the reasons of all
 * refusals are printed. Without a .NET installation there is nothing to do. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "il_body.h"
#include "il_check.h"
#include "weave_fake.h"

#define MAX_REASONS 64

struct reason {
    enum weave_kind kind;
    char text[160];
    char example[200];
    uint32_t count;
};

struct corpus {
    struct metadata_image image;
    struct fake_tokens *fake;
    uint32_t woven[WEAVE_ITERATOR_DISPOSE + 1];
    uint32_t refused[WEAVE_ITERATOR_DISPOSE + 1];
    uint32_t bad; /* refused though nothing is wrong with the method */
    size_t bytes_in, bytes_out;
    size_t values;
    struct reason reasons[MAX_REASONS];
    uint32_t reason_count;
};

static const char *const kinds[] = {"",        "count", "enter",    "call",
                                    "kickoff", "async", "iterator", "dispose"};

static void note(struct corpus *corpus, enum weave_kind kind, mdToken method,
                 const struct error *error)
{
    uint32_t i = 0;
    for (; i < corpus->reason_count; i++)
        if (corpus->reasons[i].kind == kind &&
            strncmp(corpus->reasons[i].text, error->message, 24) == 0)
            break;
    if (i == corpus->reason_count) {
        if (i == MAX_REASONS)
            return;
        struct buffer name;
        buffer_init(&name, 0);
        metadata_method_print(&corpus->image, method, METADATA_NAME_PLAIN, &name);
        corpus->reasons[i].kind = kind;
        snprintf(corpus->reasons[i].text, sizeof corpus->reasons[i].text, "%.150s", error->message);
        snprintf(corpus->reasons[i].example, sizeof corpus->reasons[i].example, "%.190s",
                 buffer_text(&name));
        buffer_release(&name);
        corpus->reason_count++;
    }
    corpus->reasons[i].count++;
}

/* The output must be a body that can be read and checked again. */
static void check_output(struct corpus *corpus, const struct weave_result *result)
{
    struct il_body body;
    assert_int_equal(il_body_parse(&body, result->body.data, result->body.length, NULL), STATUS_OK);
    assert_int_equal(il_check(&body, NULL, NULL), STATUS_OK);
    il_body_release(&body);
    for (size_t i = 1; i < result->map_count; i++) {
        assert_true(result->map[i - 1].old_offset < result->map[i].old_offset);
        assert_true(result->map[i - 1].new_offset < result->map[i].new_offset);
    }
    corpus->bytes_out += result->body.length;
}

/* A second probe on the result of the first. */
static void weave_again(struct weave_request request, const struct weave_result *first)
{
    struct weave_result second;
    request.body = first->body.data;
    request.body_length = first->body.length;
    assert_int_equal(weave_method(&request, &second, NULL), STATUS_OK);
    assert_true(second.map_count >= first->map_count);
    weave_result_release(&second);
}

static enum weave_pass field_pass(const struct metadata_image *image, mdToken field, bool argument)
{
    struct arena arena;
    struct meta_type *type;
    enum weave_pass pass = 0;
    arena_init(&arena, 1u << 16);
    struct reader blob =
        metadata_cell_blob(image, CLR_TABLE_Field, token_rid(field), METADATA_FIELD_SIGNATURE);
    if (metadata_signature_field(blob, &arena, &type, NULL) == STATUS_OK) {
        const struct meta_type *plain = metadata_type_plain(type);
        if (!argument)
            pass = fake_pass(plain);
        else if (plain->element == ELEMENT_TYPE_GENERICINST)
            pass = fake_pass(plain->arguments[0]);
    }
    arena_release(&arena);
    return pass;
}

/* All fields of an iterator that its code can name, for its start. */
static uint32_t iterator_values(struct corpus *corpus, struct weave_request *request,
                                struct weave_value *values)
{
    mdToken type = metadata_owner(&corpus->image, request->method);
    struct metadata_rows rows = metadata_type_fields(&corpus->image, type);
    uint32_t count = 0;
    for (mdToken field;
         count < 96 && (field = metadata_rows_next(&corpus->image, &rows)) != mdTokenNil;) {
        enum weave_pass pass = field_pass(&corpus->image, field, false);
        struct weave_result result;
        values[count] = (struct weave_value){.source = WEAVE_FIELD, .token = field, .pass = pass};
        request->enter_count = count + 1;
        if (pass && weave_method(request, &result, NULL) == STATUS_OK) {
            weave_result_release(&result);
            count++;
        }
    }
    return count;
}

/* What the builder's SetResult takes. */
static uint32_t async_values(struct corpus *corpus, mdToken method, struct weave_value *values)
{
    mdToken type = metadata_owner(&corpus->image, method);
    mdToken field = metadata_find_field(&corpus->image, type, "<>t__builder");
    enum weave_pass pass = field == mdTokenNil ? 0 : field_pass(&corpus->image, field, true);
    values[0] = (struct weave_value){.source = WEAVE_RESULT, .pass = pass};
    return pass ? 1 : 0;
}

static void weave_one(struct corpus *corpus, mdToken method, struct reader il, enum weave_kind kind)
{
    struct weave_value enter[96];
    struct weave_value exit[96];
    const char *name = metadata_cell_text(&corpus->image, CLR_TABLE_MethodDef, token_rid(method),
                                          METADATA_METHOD_DEF_NAME);
    bool constructor = strcmp(name, ".ctor") == 0;
    struct weave_request request = {
        .image = &corpus->image,
        .method = method,
        .body = il.data,
        .body_length = il.length,
        .kind = kind,
        .handle = 0x100000001u,
        .entry_points = &fake_entry_points,
        .tokens = &corpus->fake->tokens,
        .enter = enter,
        .exit = exit,
    };
    if (kind == WEAVE_ENTER || kind == WEAVE_CALL || kind == WEAVE_ASYNC_KICKOFF)
        request.enter_count = fake_values(&corpus->image, method, enter, constructor, false);
    if (kind == WEAVE_CALL)
        request.exit_count = fake_values(&corpus->image, method, exit, false, true);
    if (kind == WEAVE_ASYNC_MOVE_NEXT)
        request.exit_count = async_values(corpus, method, exit);
    if (kind == WEAVE_ITERATOR_MOVE_NEXT)
        request.enter_count = iterator_values(corpus, &request, enter);
    struct weave_result result;
    struct error error;
    error_init(&error);
    corpus->bytes_in += il.length;
    enum status status = weave_method(&request, &result, &error);
    if (status == STATUS_OK) {
        corpus->woven[kind]++;
        check_output(corpus, &result);
        if (kind != WEAVE_COUNT && kind != WEAVE_ENTER)
            weave_again(request, &result);
        corpus->values += request.enter_count + request.exit_count;
        weave_result_release(&result);
        return;
    }
    corpus->refused[kind]++;
    note(corpus, kind, method, &error);
    corpus->bad += status != STATUS_UNSUPPORTED;
}

static void weave_all_kinds(struct corpus *corpus, mdToken method)
{
    struct metadata_method info;
    struct reader il;
    if (metadata_method_describe(&corpus->image, method, &info, NULL) != STATUS_OK ||
        !info.has_il || info.rva == 0)
        return;
    assert_int_equal(metadata_image_body(&corpus->image, info.rva, &il, NULL), STATUS_OK);
    weave_one(corpus, method, il, WEAVE_COUNT);
    weave_one(corpus, method, il, WEAVE_ENTER);
    weave_one(corpus, method, il, WEAVE_CALL);
    if (info.kind == METADATA_METHOD_ASYNC && !info.runtime_async)
        weave_one(corpus, method, il, WEAVE_ASYNC_KICKOFF);
    mdToken kickoff = metadata_kickoff(&corpus->image, method);
    struct metadata_method source;
    if (kickoff == mdTokenNil ||
        metadata_method_describe(&corpus->image, kickoff, &source, NULL) != STATUS_OK)
        return;
    if (source.kind == METADATA_METHOD_ASYNC && source.move_next == method)
        weave_one(corpus, method, il, WEAVE_ASYNC_MOVE_NEXT);
    if (source.kind == METADATA_METHOD_ITERATOR && source.move_next == method)
        weave_one(corpus, method, il, WEAVE_ITERATOR_MOVE_NEXT);
}

static void weave_disposals(struct corpus *corpus)
{
    uint32_t rows = metadata_row_count(&corpus->image, CLR_TABLE_MethodDef);
    for (uint32_t row = 1; row <= rows; row++) {
        mdToken method = token_make(CLR_TABLE_MethodDef, row);
        struct metadata_method info;
        struct reader il = {0};
        if (metadata_method_describe(&corpus->image, method, &info, NULL) == STATUS_OK &&
            info.has_il && strcmp(info.name, "System.IDisposable.Dispose") == 0 &&
            !info.value_type &&
            metadata_image_body(&corpus->image, info.rva, &il, NULL) == STATUS_OK)
            weave_one(corpus, method, il, WEAVE_ITERATOR_DISPOSE);
    }
}

static void report(const struct corpus *corpus, const char *path)
{
    printf("%s: %zu bytes in, %zu out, %zu values, %u signatures\n", path, corpus->bytes_in,
           corpus->bytes_out, corpus->values, corpus->fake->count);
    for (int kind = WEAVE_COUNT; kind <= WEAVE_ITERATOR_DISPOSE; kind++)
        printf("  %-10s %7u woven %6u refused\n", kinds[kind], corpus->woven[kind],
               corpus->refused[kind]);
    for (uint32_t i = 0; i < corpus->reason_count; i++)
        printf("    %6u %s: %s\n           %s\n", corpus->reasons[i].count,
               kinds[corpus->reasons[i].kind], corpus->reasons[i].text, corpus->reasons[i].example);
}

static void weave_image(const char *path, struct corpus *corpus)
{
    struct stat file = {0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0 && fstat(descriptor, &file) == 0);
    void *bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    memset(corpus, 0, sizeof *corpus);
    corpus->fake = fake_new();
    struct error error;
    error_init(&error);
    if (metadata_image_open(&corpus->image, bytes, (size_t)file.st_size, false, &error) !=
        STATUS_OK) {
        fprintf(stderr, "%s: %s\n", path, error.message);
        assert_true(false);
    } else {
        uint32_t rows = metadata_row_count(&corpus->image, CLR_TABLE_MethodDef);
        for (uint32_t row = 1; row <= rows; row++)
            weave_all_kinds(corpus, token_make(CLR_TABLE_MethodDef, row));
        weave_disposals(corpus);
        report(corpus, path);
    }
    fake_free(corpus->fake);
    munmap(bytes, (size_t)file.st_size);
}

/* The newest shared framework; false where there is none. */
static bool find_framework(char *path, size_t size)
{
    static const char *const roots[] = {"/usr/share/dotnet", "/usr/lib/dotnet"};
    const char *own = getenv("DOTNET_ROOT");
    for (int i = own ? -1 : 0; i < 2; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s/shared/Microsoft.NETCore.App", i < 0 ? own : roots[i]);
        DIR *versions = opendir(folder);
        bool found = false;
        for (struct dirent *entry; versions && (entry = readdir(versions));) {
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, size, "%s/%s", folder, entry->d_name);
            found = true;
        }
        if (versions)
            closedir(versions);
        if (found)
            return true;
    }
    return false;
}

/* Nothing in the framework is malformed, and few methods have a reason to be refused. */
static void framework_is_woven(void **state)
{
    (void)state;
    static const char *const names[] = {"System.Private.CoreLib.dll", "System.Linq.dll",
                                        "System.Text.Json.dll", "System.Net.Http.dll"};
    char folder[1024];
    if (!find_framework(folder, sizeof folder))
        skip();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1200];
        static struct corpus corpus;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        weave_image(path, &corpus);
        assert_int_equal(corpus.bad, 0);
        assert_true(corpus.woven[WEAVE_COUNT] > 1000);
        assert_int_equal(corpus.refused[WEAVE_COUNT], 0);
        assert_int_equal(corpus.refused[WEAVE_ENTER], 0);
        assert_true(corpus.refused[WEAVE_CALL] * 500 < corpus.woven[WEAVE_CALL]);
        assert_int_equal(corpus.refused[WEAVE_ITERATOR_MOVE_NEXT], 0);
    }
}

static char **given;

static void given_images_are_woven(void **state)
{
    (void)state;
    for (int i = 0; given[i]; i++) {
        static struct corpus corpus;
        weave_image(given[i], &corpus);
        assert_int_equal(corpus.bad, 0);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest named[] = {cmocka_unit_test(given_images_are_woven)};
    const struct CMUnitTest tests[] = {cmocka_unit_test(framework_is_woven)};
    given = arguments + 1;
    return count > 1 ? cmocka_run_group_tests(named, NULL, NULL)
                     : cmocka_run_group_tests(tests, NULL, NULL);
}
