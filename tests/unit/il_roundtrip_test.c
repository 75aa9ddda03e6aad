// uses: il metadata clr base
/*
 * Every method of every assembly of the installed runtimes: parsed, checked with the stack
 * effects that its metadata say, written, parsed and checked again; both must mean the same.
 * What the runtime runs, il_check must accept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clr_element.h"
#include "clr_flags.h"
#include "il_body.h"
#include "il_check.h"
#include "il_print.h"
#include "metadata_image.h"
#include "metadata_tables.h"

struct totals {
    unsigned assemblies, methods, instructions, clauses, deepest, failures;
};

static void skip_modifiers(struct reader *blob)
{
    struct reader peek = *blob;
    uint32_t element = reader_u8(&peek);
    while (element == ELEMENT_TYPE_CMOD_OPT || element == ELEMENT_TYPE_CMOD_REQD) {
        reader_compressed_u32(&peek);
        *blob = peek;
        element = reader_u8(&peek);
    }
}

static bool read_call(struct reader blob, struct il_call *call)
{
    uint32_t convention = reader_u8(&blob);
    if (convention & IMAGE_CEE_CS_CALLCONV_GENERIC)
        reader_compressed_u32(&blob);
    call->arguments = reader_compressed_u32(&blob);
    if ((convention & IMAGE_CEE_CS_CALLCONV_HASTHIS) &&
        !(convention & IMAGE_CEE_CS_CALLCONV_EXPLICITTHIS))
        call->arguments++;
    skip_modifiers(&blob);
    call->returns = reader_u8(&blob) != ELEMENT_TYPE_VOID;
    return !reader_failed(&blob);
}

static bool effect(void *context, uint32_t opcode, mdToken token, struct il_call *call)
{
    const struct metadata_image *image = context;
    (void)opcode;
    if (token_table(token) == CLR_TABLE_MethodSpec)
        token = metadata_cell_token(image, CLR_TABLE_MethodSpec, token_rid(token),
                                    METADATA_METHOD_SPEC_METHOD);
    uint32_t row = token_rid(token);
    switch (token_table(token)) {
    case CLR_TABLE_MethodDef:
        return read_call(
            metadata_cell_blob(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_SIGNATURE),
            call);
    case CLR_TABLE_MemberRef:
        return read_call(
            metadata_cell_blob(image, CLR_TABLE_MemberRef, row, METADATA_MEMBER_REF_SIGNATURE),
            call);
    case CLR_TABLE_StandAloneSig:
        return read_call(metadata_cell_blob(image, CLR_TABLE_StandAloneSig, row,
                                            METADATA_STAND_ALONE_SIG_SIGNATURE),
                         call);
    default:
        return false;
    }
}

static void complain(const struct metadata_image *image, uint32_t row, const char *step,
                     struct il_body *body, const struct error *error, struct totals *totals)
{
    if (totals->failures++ >= 20)
        return;
    print_error("%s 0x06%06x %s: %s: %s\n", metadata_image_assembly(image), row,
                metadata_cell_text(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_NAME), step,
                error->message);
    if (body && body->count < 200) {
        struct buffer buffer;
        buffer_init(&buffer, 0);
        il_print_body(body, NULL, IL_PRINT_DEPTH, &buffer);
        print_error("%s", buffer_text(&buffer));
        buffer_release(&buffer);
    }
}

static bool same_operand(const struct il_instruction *a, const struct il_instruction *b)
{
    uint32_t operand = il_opcode_info(a->opcode)->operand;
    if (il_operand_is_branch(operand))
        return a->target->offset == b->target->offset;
    if (operand != IL_OPERAND_SWITCH)
        return a->integer == b->integer;
    if (a->table->count != b->table->count)
        return false;
    for (uint32_t i = 0; i < a->table->count; i++)
        if (a->table->targets[i]->offset != b->table->targets[i]->offset)
            return false;
    return true;
}

static uint32_t boundary(const struct il_body *body, const struct il_instruction *at)
{
    return at ? at->offset : body->code_size;
}

static bool same_clause(const struct il_body *one, const struct il_clause *a,
                        const struct il_body *two, const struct il_clause *b)
{
    return a->flags == b->flags && a->type == b->type &&
           boundary(one, a->try_first) == boundary(two, b->try_first) &&
           boundary(one, a->try_end) == boundary(two, b->try_end) &&
           boundary(one, a->filter_first) == boundary(two, b->filter_first) &&
           boundary(one, a->handler_first) == boundary(two, b->handler_first) &&
           boundary(one, a->handler_end) == boundary(two, b->handler_end);
}

/* `one` is laid out, `two` parsed from what was written of it. */
static bool same(const struct il_body *one, const struct il_body *two)
{
    const struct il_instruction *a = one->first, *b = two->first;
    for (; a && b; a = a->next, b = b->next)
        if (a->opcode != b->opcode || a->offset != b->offset || a->depth != b->depth ||
            a->is_target != b->is_target || !same_operand(a, b))
            return false;
    const struct il_clause *c = one->clauses, *d = two->clauses;
    for (; c && d; c = c->next, d = d->next)
        if (!same_clause(one, c, two, d))
            return false;
    return !a && !b && !c && !d && one->code_size == two->code_size &&
           one->max_stack == two->max_stack && one->locals == two->locals &&
           one->init_locals == two->init_locals;
}

static void check_method(const struct metadata_image *image, uint32_t row,
                         const struct reader *bytes, struct totals *totals)
{
    struct il_body body, again;
    struct buffer written;
    struct error error;
    struct il_call self = {0, false};
    error_init(&error);
    effect((void *)(uintptr_t)image, CEE_RET, token_make(CLR_TABLE_MethodDef, row), &self);
    struct il_effects effects = {
        .call = effect, .context = (void *)(uintptr_t)image, .method_returns = self.returns};
    if (il_body_parse(&body, bytes->data, bytes->length, &error) != STATUS_OK) {
        complain(image, row, "parse", NULL, &error, totals);
        return;
    }
    buffer_init(&written, 0);
    totals->methods++;
    totals->instructions += body.count;
    totals->clauses += body.clause_count;
    if (body.parsed_size != bytes->length)
        complain(image, row, "size", &body, &error, totals);
    if (il_check(&body, &effects, &error) != STATUS_OK)
        complain(image, row, "check", &body, &error, totals);
    else if (il_body_write(&body, &written, &error) != STATUS_OK)
        complain(image, row, "write", &body, &error, totals);
    else if (il_body_parse(&again, written.data, written.length, &error) != STATUS_OK)
        complain(image, row, "parse again", &body, &error, totals);
    else {
        if (il_check(&again, &effects, &error) != STATUS_OK || !same(&body, &again))
            complain(image, row, "compare", &again, &error, totals);
        il_body_release(&again);
    }
    if (body.max_stack > totals->deepest)
        totals->deepest = body.max_stack;
    buffer_release(&written);
    il_body_release(&body);
}

static void check_image(const struct metadata_image *image, struct totals *totals)
{
    uint32_t rows = metadata_row_count(image, CLR_TABLE_MethodDef);
    for (uint32_t row = 1; row <= rows; row++) {
        struct reader bytes;
        struct error error;
        uint32_t rva = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_RVA);
        uint32_t flags = metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_FLAGS);
        uint32_t impl =
            metadata_cell(image, CLR_TABLE_MethodDef, row, METADATA_METHOD_DEF_IMPL_FLAGS);
        if (!rva || !clr_method_has_il(flags, impl))
            continue;
        if (metadata_image_body(image, rva, &bytes, &error) != STATUS_OK)
            complain(image, row, "find", NULL, &error, totals);
        else
            check_method(image, row, &bytes, totals);
    }
}

static void check_file(const char *path, struct totals *totals)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (file < 0 || fstat(file, &stat) != 0 || stat.st_size == 0)
        return;
    void *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED)
        return;
    struct metadata_image *image = calloc(1, sizeof(*image));
    if (metadata_image_open(image, bytes, (size_t)stat.st_size, false, NULL) == STATUS_OK) {
        totals->assemblies++;
        check_image(image, totals);
    }
    free(image);
    munmap(bytes, (size_t)stat.st_size);
}

static void check_folder(const char *folder, struct totals *totals)
{
    DIR *open_folder = opendir(folder);
    if (!open_folder)
        return;
    for (struct dirent *entry; (entry = readdir(open_folder));) {
        size_t length = strlen(entry->d_name);
        char path[8192];
        if (length < 5 || strcmp(entry->d_name + length - 4, ".dll") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        check_file(path, totals);
    }
    closedir(open_folder);
}

/* "Microsoft.NETCore.App 10.0.12 [/usr/share/dotnet/shared/Microsoft.NETCore.App]" */
static void every_method_of_the_runtimes(void **state)
{
    (void)state;
    struct totals totals = {0};
    char line[4096], name[256], version[256], base[2048], folder[4096];
    FILE *list = popen("dotnet --list-runtimes 2>/dev/null", "r");
    assert_non_null(list);
    while (fgets(line, sizeof(line), list)) {
        if (sscanf(line, "%255s %255s [%2047[^]]]", name, version, base) != 3)
            continue;
        snprintf(folder, sizeof(folder), "%s/%s", base, version);
        check_folder(folder, &totals);
    }
    pclose(list);
    if (totals.assemblies == 0)
        skip(); /* no runtime on this machine */
    print_message("%u assemblies, %u methods, %u instructions, %u clauses, deepest stack %u\n",
                  totals.assemblies, totals.methods, totals.instructions, totals.clauses,
                  totals.deepest);
    assert_true(totals.methods > 10000);
    assert_int_equal(totals.failures, 0);
}

int main(int count, char **arguments)
{
    if (count > 1) { /* il_roundtrip_test FILE.dll...: these instead */
        struct totals totals = {0};
        for (int i = 1; i < count; i++)
            check_file(arguments[i], &totals);
        print_message("%u assemblies, %u methods, %u failures\n", totals.assemblies, totals.methods,
                      totals.failures);
        return totals.failures > 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_of_the_runtimes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
