// uses: base
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_map.h"

static void holds_any_key(void **state)
{
    (void)state;
    struct map map;
    uint64_t value = 7;
    map_init(&map);
    assert_false(map_get(&map, 0, &value));
    assert_false(map_remove(&map, 0));
    assert_int_equal(value, 7);
    assert_true(map_put(&map, 0, 1));
    assert_true(map_put(&map, UINT64_MAX, 2));
    assert_true(map_put(&map, 0, 3));
    assert_int_equal(map.count, 2);
    assert_true(map_get(&map, 0, &value));
    assert_int_equal(value, 3);
    assert_true(map_has(&map, UINT64_MAX));
    assert_true(map_get(&map, UINT64_MAX, NULL));
    assert_true(map_remove(&map, 0));
    assert_false(map_has(&map, 0));
    assert_true(map_has(&map, UINT64_MAX));
    map_release(&map);
    assert_int_equal(map.count, 0);
    assert_null(map.slots);
}

/* Removal must not hide the keys that stand behind the hole: compare with a plain array
 * through 200,000 random steps over few keys, so that runs are long and wrap around. */
static void removal_hides_nothing(void **state)
{
    (void)state;
    enum { KEYS = 48 };
    bool present[KEYS] = {false};
    uint64_t values[KEYS] = {0}, seed = 12345;
    struct map map;
    map_init(&map);
    for (int step = 0; step < 200000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned key = (unsigned)(seed >> 33) % KEYS;
        if (seed >> 63) {
            values[key] = seed;
            present[key] = true;
            assert_true(map_put(&map, key, seed));
        } else {
            assert_int_equal(map_remove(&map, key), present[key]);
            present[key] = false;
        }
        unsigned other = (unsigned)(seed >> 40) % KEYS;
        uint64_t value = 0;
        assert_int_equal(map_get(&map, other, &value), present[other]);
        if (present[other])
            assert_true(value == values[other]);
    }
    size_t count = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        assert_int_equal(map_has(&map, key), present[key]);
        count += present[key];
    }
    assert_int_equal(map.count, count);
    map_release(&map);
}

static void iterates_every_entry_once(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    unsigned char seen[KEYS] = {0};
    struct map map;
    map_init(&map);
    for (uint64_t key = 0; key < KEYS; key++)
        assert_true(map_put(&map, key << 12, key));
    size_t cursor = 0, count = 0;
    uint64_t key, value;
    while (map_next(&map, &cursor, &key, &value)) {
        assert_int_equal(key, value << 12);
        seen[value]++;
        count++;
    }
    assert_int_equal(count, KEYS);
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(seen[i], 1);
    map_clear(&map);
    cursor = 0;
    assert_false(map_next(&map, &cursor, &key, &value));
    assert_true(map_put(&map, 5, 6));
    assert_int_equal(map.count, 1);
    map_release(&map);
}

/* Addresses differ in few bits: their buckets must not. */
static void aligned_keys_spread(void **state)
{
    (void)state;
    enum { BUCKETS = 256 };
    unsigned buckets[BUCKETS] = {0};
    for (uint64_t i = 0; i < 256 * 16; i++)
        buckets[map_hash(0x7f0000000000u + i * 4096) % BUCKETS]++;
    for (size_t i = 0; i < BUCKETS; i++)
        assert_in_range(buckets[i], 1, 48);
    assert_true(map_hash_bytes("ab", 2) != map_hash_bytes("ba", 2));
    assert_true(map_hash_bytes("", 0) != map_hash_bytes("\0", 1));
}

static void text_keys_are_copied(void **state)
{
    (void)state;
    struct text_map map;
    char key[16];
    uint64_t value = 0;
    text_map_init(&map);
    assert_false(text_map_get(&map, "", &value));
    for (unsigned i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "key%u", i);
        assert_true(text_map_put(&map, key, i));
    }
    assert_true(text_map_put(&map, "", 77));
    assert_true(text_map_put(&map, "key3", 1003));
    memset(key, 'x', sizeof(key));
    assert_int_equal(map.count, 501);
    assert_true(text_map_get(&map, "key3", &value));
    assert_int_equal(value, 1003);
    assert_true(text_map_get(&map, "key499", &value));
    assert_int_equal(value, 499);
    assert_true(text_map_get(&map, "", &value));
    assert_int_equal(value, 77);
    assert_false(text_map_get(&map, "key500", &value));
    text_map_release(&map);
    assert_false(text_map_get(&map, "key3", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_any_key),
        cmocka_unit_test(removal_hides_nothing),
        cmocka_unit_test(iterates_every_entry_once),
        cmocka_unit_test(aligned_keys_spread),
        cmocka_unit_test(text_keys_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
