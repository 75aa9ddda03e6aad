#include "recorder_entries.h"

#include "recorder_object.h"
#include "recorder_place.h"
#include "wire_message.h"

bool entries_open(struct entries *entries, uint64_t array, uint32_t next_name)
{
    const struct layout *layout = place_layout(array);
    const struct layout *entry = layout == NULL ? NULL : layout->item;
    uint64_t bytes = object_bytes(array) + OBJECT_HEAD;
    if (entry == NULL || layout->kind != WIRE_TYPE_ARRAY || !entry->is_value || entry->size == 0 ||
        entry->size != layout->item_size || entry->size != object_component(array) ||
        layout->items_at > bytes) {
        return false;
    }
    entries->array = layout;
    entries->first = array + layout->items_at;
    entries->there = (bytes - layout->items_at) / entry->size;
    for (uint32_t i = 0; i < entry->field_count; i++) {
        entries->next_at = entry->fields[i].offset;
        if (entry->fields[i].name == next_name && (uint64_t)entries->next_at + 4 <= entry->size) {
            return true;
        }
    }
    return false;
}

bool entries_in_use(const struct entries *entries, uint64_t entry)
{
    return (int32_t)memory_u32(entry + entries->next_at) >= -1;
}

size_t entries_looked_at(const struct entries *entries, size_t most)
{
    size_t looks = 4 * most + 64;
    return entries->there < looks ? entries->there : looks;
}

size_t entries_count(const struct entries *entries, size_t most)
{
    size_t looks = entries_looked_at(entries, most);
    size_t count = 0;
    for (size_t i = 0; i < looks && count < most; i++) {
        count += entries_in_use(entries, entries->first + i * entries->array->item_size);
    }
    return count;
}
