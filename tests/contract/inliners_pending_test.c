// uses: standin recompile weave wire r2r metadata il clr abi base
// sanitize: address,undefined
// incompleteData TRUE, and the agent: started with the program it asks the runtime about images
// that it cannot read itself (here: an image of the framework whose list of sections is forged).
// What the runtime cannot tell yet is pending; the inliners that it does tell are recompiled
// without waiting for the others, and it is asked again at each module load until nothing is
// missing. Attached, the runtime does not answer, and the gap is said to stay.
#include <unistd.h>

#include "recompile_cached.h"
#include "recompile_coverage.h"
#include "recompile_harness.h"

static char forged[] = "/tmp/rejig-contract-XXXXXX";

/* ---- an image whose ReadyToRun header lists more sections than the file can hold ---- */

static void write_forged(void)
{
    char path[4096];
    assert_true(standin_framework_file(path, sizeof(path), "System.Linq.dll"));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static char bytes[4 << 20];
    const size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    assert_true(length > 0 && length < sizeof(bytes));
    char *header = memmem(bytes, length, "RTR\0", 4);
    assert_non_null(header);
    memset(header + 12, 0x7f, 4);
    const int fd = mkstemp(forged);
    assert_true(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    close(fd);
}

struct fixture {
    struct bench bench;
    struct method_key any, count, where; /* of the forged image */
};

static struct method_key method(struct fixture *fixture, ModuleID module, const char *name)
{
    const mdToken token =
        standin_method(fixture->bench.standin, module, "System.Linq.Enumerable", name);
    assert_int_not_equal(token, 0);
    return (struct method_key){.module = module, .method = token};
}

static void inlines(struct fixture *fixture, struct method_key inliner, const char *needs)
{
    standin_image_inlines(fixture->bench.standin, inliner.module, inliner.method,
                          fixture->any.module, fixture->any.method, needs);
}

static void up(struct fixture *fixture, bool started)
{
    struct error error;
    harness_up(&fixture->bench);
    if (started)
        assert_int_equal(recompile_cached_begin(harness_recompile, RECOMPILE_CACHED_LEVELS, &error),
                         STATUS_OK);
    const ModuleID module =
        standin_load(fixture->bench.standin, forged, COR_PRF_MODULE_DISK | COR_PRF_MODULE_NGEN);
    assert_int_not_equal(module, 0);
    recompile_pump(harness_recompile);
    fixture->any = method(fixture, module, "Any");
    fixture->count = method(fixture, module, "Count");
    fixture->where = method(fixture, module, "Where");
}

static struct recompile_coverage coverage(struct fixture *fixture)
{
    struct recompile_coverage coverage;
    struct error error;
    error_init(&error);
    assert_int_equal(recompile_coverage(harness_recompile, &fixture->any, 1, &coverage, NULL, NULL,
                                        NULL, &error),
                     STATUS_OK);
    return coverage;
}

static void load(struct fixture *fixture, const char *file)
{
    harness_load(fixture->bench.standin, file, COR_PRF_MODULE_DISK);
    recompile_pump(harness_recompile);
}

static uint32_t enumerations(struct fixture *fixture)
{
    return standin_counts(fixture->bench.standin).enumerations;
}

static void down(struct fixture *fixture)
{
    harness_release(&fixture->bench.a, fixture->any);
    recompile_pump(harness_recompile);
    assert_false(harness_call(&fixture->bench, fixture->count).recompiled);
    assert_false(harness_call(&fixture->bench, fixture->where).recompiled);
    harness_down(&fixture->bench);
}

static void asked_again_until_complete(void **state)
{
    struct fixture fixture;
    (void)state;
    up(&fixture, true);
    inlines(&fixture, fixture.count, NULL);
    inlines(&fixture, fixture.where, "System.Collections.dll");
    harness_claim(&fixture.bench.a, fixture.any);
    assert_int_equal(coverage(&fixture).pending, 1);
    assert_int_equal(coverage(&fixture).impossible, 0);
    assert_true(harness_call(&fixture.bench, fixture.count).recompiled);
    assert_false(harness_call(&fixture.bench, fixture.where).recompiled);
    /* A module that has nothing to do with it. */
    uint32_t before = enumerations(&fixture);
    load(&fixture, "System.Console.dll");
    assert_true(enumerations(&fixture) > before);
    assert_false(harness_call(&fixture.bench, fixture.where).recompiled);
    assert_int_equal(coverage(&fixture).pending, 1);
    load(&fixture, "System.Collections.dll");
    assert_true(harness_call(&fixture.bench, fixture.where).recompiled);
    assert_int_equal(coverage(&fixture).pending, 0);
    assert_int_equal(coverage(&fixture).precompiled, 2);
    /* Complete: asked no more. */
    before = enumerations(&fixture);
    load(&fixture, "System.Threading.dll");
    assert_int_equal(enumerations(&fixture), before);
    /* Nothing of ours stands in the inliners: they got their own IL. */
    assert_int_equal(fixture.bench.a.woven, 0);
    down(&fixture);
}

static void attached_it_is_impossible(void **state)
{
    struct fixture fixture;
    (void)state;
    up(&fixture, false);
    inlines(&fixture, fixture.count, NULL);
    harness_claim(&fixture.bench.a, fixture.any);
    assert_int_equal(enumerations(&fixture), 0);
    assert_int_equal(coverage(&fixture).impossible, 1);
    assert_int_equal(coverage(&fixture).pending, 0);
    assert_false(harness_call(&fixture.bench, fixture.count).recompiled);
    down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_again_until_complete),
        cmocka_unit_test(attached_it_is_impossible),
    };
    write_forged();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(forged);
    return failed;
}
