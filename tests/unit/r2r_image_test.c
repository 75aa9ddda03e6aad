// uses: r2r
/* Headers, components, modules and entry points of real images. */
#include "r2r_support.h"

static void an_assembly_with_its_code(void **state)
{
    (void)state;
    struct precompiled image;
    char compiler[64];
    open_precompiled(&image, framework_file("System.Linq.dll"));
    assert_true(image.r2r.major >= 16);
    assert_false(image.r2r.composite);
    assert_int_equal(image.r2r.component_count, 0);
    assert_true(image.r2r.core.flags & R2R_FLAG_MULTI_MODULE_BUBBLE);
    assert_null(r2r_image_owner(&image.r2r));
    r2r_image_compiler(&image.r2r, compiler, sizeof(compiler));
    assert_memory_equal(compiler, "Crossgen2 ", 10);
    r2r_image_compiler(&image.r2r, compiler, 6);
    assert_string_equal(compiler, "Cross");
    struct r2r_platform platform = r2r_image_platform(&image.r2r);
    assert_string_equal(platform.system_name, "linux");
    close_precompiled(&image);
}

static void plain_il_is_no_precompiled_image(void **state)
{
    (void)state;
    struct opened file;
    struct r2r_image r2r;
    struct error error;
    error_init(&error);
    open_file(&file, framework_file("System.Runtime.dll"));
    assert_int_equal(r2r_image_open(&r2r, &file.image, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.message, "no precompiled code"));
    close_file(&file);
}

static void modules(void **state)
{
    (void)state;
    struct precompiled image;
    open_precompiled(&image, framework_file("System.Linq.dll"));
    struct r2r_module self = r2r_module_resolve(&image.r2r, 0);
    assert_int_equal(self.kind, R2R_MODULE_SELF);
    assert_string_equal(self.name, "System.Linq");
    assert_memory_equal(self.mvid, metadata_image_mvid(&image.file.image), 16);
    uint32_t own = metadata_row_count(&image.file.image, CLR_TABLE_AssemblyRef);
    struct r2r_module first = r2r_module_resolve(&image.r2r, 1);
    assert_int_equal(first.kind, R2R_MODULE_REFERENCE);
    assert_string_equal(first.name, metadata_cell_text(&image.file.image, CLR_TABLE_AssemblyRef, 1,
                                                       METADATA_ASSEMBLY_REF_NAME));
    assert_int_equal(r2r_module_resolve(&image.r2r, own + 1).kind, R2R_MODULE_MANIFEST);
    assert_int_equal(r2r_module_resolve(&image.r2r, own + 1000).kind, R2R_MODULE_UNKNOWN);
    assert_int_equal(r2r_module_resolve(&image.r2r, UINT32_MAX).kind, R2R_MODULE_UNKNOWN);
    assert_string_equal(r2r_module_resolve(&image.r2r, UINT32_MAX).name, "");
    close_precompiled(&image);
}

static bool count_method(void *context, mdToken method, uint32_t function)
{
    (void)method;
    (void)function;
    ++*(size_t *)context;
    return true;
}

static void a_composite_and_its_components(void **state)
{
    (void)state;
    static const char *const names[] = {"Simple", "Fancy"};
    struct precompiled image;
    OPEN_MADE(&image, "composite/app.r2r.dll");
    assert_true(image.r2r.composite);
    assert_int_equal(image.r2r.component_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct r2r_component component;
        struct precompiled own;
        char file[64];
        size_t methods = 0;
        assert_int_equal(r2r_component_read(&image.r2r, i, &component, NULL), STATUS_OK);
        assert_string_equal(component.name, names[i]);
        struct r2r_module module = r2r_module_resolve(&image.r2r, component.module);
        assert_int_equal(module.kind, R2R_MODULE_LISTED);
        assert_string_equal(module.name, names[i]);
        assert_int_equal(
            r2r_methods_walk(&image.r2r, &component.core, count_method, &methods, NULL), STATUS_OK);
        assert_int_equal(methods, i == 0 ? 8 : 7);
        snprintf(file, sizeof(file), "composite/%s.dll", names[i]);
        OPEN_MADE(&own, file);
        assert_string_equal(r2r_image_owner(&own.r2r), "app.r2r.dll");
        assert_true(own.r2r.core.flags & R2R_FLAG_COMPONENT);
        assert_false(r2r_inlining_recorded(&own.r2r));
        assert_memory_equal(module.mvid, metadata_image_mvid(&own.file.image), 16);
        assert_memory_equal(component.mvid, module.mvid, 16);
        close_precompiled(&own);
    }
    assert_int_equal(r2r_component_read(&image.r2r, 2, &(struct r2r_component){0}, NULL),
                     STATUS_NOT_FOUND);
    assert_true(r2r_inlining_recorded(&image.r2r));
    close_precompiled(&image);
}

/* Maps the file as the runtime does: sections at their RVAs. */
static uint8_t *map_image(const struct opened *file, size_t *length)
{
    const struct metadata_image *image = &file->image;
    *length = image->image_size;
    uint8_t *mapped = calloc(1, *length);
    assert_non_null(mapped);
    memcpy(mapped, file->bytes, image->header_size);
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct metadata_section *section = &image->sections[i];
        uint32_t size =
            section->file_size < section->virtual_size ? section->file_size : section->virtual_size;
        memcpy(mapped + section->rva, file->bytes + section->file_offset, size);
    }
    return mapped;
}

static void the_mapped_layout_reads_the_same(void **state)
{
    (void)state;
    struct precompiled image;
    static struct metadata_image metadata;
    static struct r2r_image r2r;
    struct r2r_inlining_count flat, mapped;
    size_t length;
    open_precompiled(&image, framework_file("System.Text.Json.dll"));
    uint8_t *bytes = map_image(&image.file, &length);
    assert_int_equal(metadata_image_open(&metadata, bytes, length, true, NULL), STATUS_OK);
    assert_int_equal(r2r_image_open(&r2r, &metadata, NULL), STATUS_OK);
    assert_int_equal(r2r_inlining_walk(&image.r2r, every_pair, NULL, &flat, NULL), STATUS_OK);
    assert_int_equal(r2r_inlining_walk(&r2r, every_pair, NULL, &mapped, NULL), STATUS_OK);
    assert_true(flat.pairs > 1000);
    assert_int_equal(flat.pairs, mapped.pairs);
    assert_int_equal(flat.inlinees, mapped.inlinees);
    free(bytes);
    close_precompiled(&image);
}

/* Every method that the walk visits has code by look-up, and no other has. */
struct entry_points {
    const struct precompiled *image;
    mdToken last;
    size_t count;
};

static bool check_entry_point(void *context, mdToken method, uint32_t function)
{
    struct entry_points *points = context;
    const struct r2r_image *r2r = &points->image->r2r;
    uint32_t found = 0;
    assert_true(method > points->last);
    assert_true(r2r_method_has_code(r2r, &r2r->core, method, &found));
    assert_int_equal(found, function);
    points->last = method;
    points->count++;
    return true;
}

static void entry_points_of_methods(void **state)
{
    (void)state;
    struct precompiled image;
    open_precompiled(&image, framework_file("System.Linq.dll"));
    const struct r2r_image *r2r = &image.r2r;
    struct entry_points points = {.image = &image};
    assert_int_equal(r2r_methods_walk(r2r, &r2r->core, check_entry_point, &points, NULL),
                     STATUS_OK);
    size_t with_code = 0;
    uint32_t rows = metadata_row_count(&image.file.image, CLR_TABLE_MethodDef);
    for (uint32_t row = 1; row <= rows; row++)
        with_code +=
            r2r_method_has_code(r2r, &r2r->core, token_make(CLR_TABLE_MethodDef, row), NULL);
    assert_true(points.count > 10 && points.count < rows);
    assert_int_equal(with_code, points.count);
    assert_false(r2r_method_has_code(r2r, &r2r->core, mdtMethodDef | (rows + 1), NULL));
    assert_false(r2r_method_has_code(r2r, &r2r->core, mdtMethodDef, NULL));
    assert_false(r2r_method_has_code(r2r, &r2r->core, mdtTypeDef | 1, NULL));
    close_precompiled(&image);
}

struct instances {
    const struct precompiled *image;
    size_t count, of_pair, generic;
    mdToken pair, get;
};

static bool see_instance(void *context, const struct r2r_instance *instance)
{
    struct instances *instances = context;
    instances->count++;
    instances->of_pair += instance->has_owner && instance->owner_type == instances->pair;
    instances->generic += instance->arguments > 0;
    assert_true(token_is(instance->token, CLR_TABLE_MethodDef));
    assert_false(reader_failed(&instance->owner));
    return true;
}

static void entry_points_of_instances(void **state)
{
    (void)state;
    struct precompiled image;
    OPEN_MADE(&image, "linux-x64/Simple.dll");
    struct instances instances = {
        .image = &image, .pair = metadata_find_type_text(&image.file.image, "Simple.Pair`1")};
    assert_int_equal(r2r_instances_walk(&image.r2r, see_instance, &instances, NULL), STATUS_OK);
    assert_int_equal(instances.count, 5);
    assert_int_equal(instances.of_pair, 3); /* .ctor, get_First, Get of Pair<__Canon> */
    assert_int_equal(instances.generic, 2); /* Same and Again over __Canon */
    close_precompiled(&image);
}

static bool count_instance(void *context, const struct r2r_instance *instance)
{
    (void)instance;
    ++*(size_t *)context;
    return true;
}

static void entry_points_of_the_core_library(void **state)
{
    (void)state;
    struct precompiled image;
    size_t methods = 0, instances = 0;
    OPEN_MADE(&image, "corelib-9.0.22.dll");
    assert_int_equal(r2r_methods_walk(&image.r2r, &image.r2r.core, count_method, &methods, NULL),
                     STATUS_OK);
    assert_int_equal(r2r_instances_walk(&image.r2r, count_instance, &instances, NULL), STATUS_OK);
    assert_int_equal(methods, 20770);
    assert_int_equal(instances, 24767);
    close_precompiled(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_assembly_with_its_code),
        cmocka_unit_test(plain_il_is_no_precompiled_image),
        cmocka_unit_test(modules),
        cmocka_unit_test(a_composite_and_its_components),
        cmocka_unit_test(the_mapped_layout_reads_the_same),
        cmocka_unit_test(entry_points_of_methods),
        cmocka_unit_test(entry_points_of_instances),
        cmocka_unit_test(entry_points_of_the_core_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
