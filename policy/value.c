/* SPDX-License-Identifier: Apache-2.0 */
/* Values in canonical order. The order has no meaning of its own: it exists so that equal values
 * look equal. Strings and uids go by hash first, and by bytes where hashes meet, so chosen
 * collisions cost time but never a wrong answer. */
#include "policy/value.h"

#include "policy/ext.h"
#include "policy/sort.h"

#define RECORD_SMALL 64

static int number_compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int count_compare(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

struct value value_string(struct arena *arena, struct str s)
{
	struct text *text = arena_alloc(arena, sizeof(*text));

	if (text == NULL)
		return value_none();
	*text = text_make(s);
	return value_text(text);
}

static struct value ip_value(struct arena *arena, const struct ip *ip)
{
	struct ip *copy = arena_alloc(arena, sizeof(*copy));

	if (copy == NULL)
		return value_none();
	*copy = *ip;
	return (struct value){.kind = VALUE_IP, .ip = copy};
}

struct value value_ip(struct arena *arena, struct str address)
{
	struct ip ip;

	return ext_ip_parse(address, &ip) ? ip_value(arena, &ip) : value_none();
}

struct value value_ip_bytes(struct arena *arena, const uint8_t *bytes, size_t len)
{
	struct ip ip = {.prefix = (uint8_t)(len * 8), .is_v6 = len == 16};

	ASSERT(len == 4 || len == 16);
	memcpy(ip.bytes, bytes, len);
	return ip_value(arena, &ip);
}

static int order_values(const void *a, const void *b)
{
	return value_compare(*(const struct value *)a, *(const struct value *)b);
}

struct value value_set(struct arena *arena, const struct value *items, size_t count)
{
	struct value_set *set = arena_alloc(arena, sizeof(*set) + count * sizeof(*items));
	size_t kept = 0;

	if (set == NULL)
		return value_none();
	if (count > 0)
		memcpy(set->items, items, count * sizeof(*items));
	if (count > 1 && !sort_stable(arena, set->items, count, sizeof(*items), order_values))
		return value_none();
	for (size_t i = 0; i < count; i++) {
		if (set->items[i].kind == VALUE_NONE)
			return value_none();
		if (kept == 0 || value_compare(set->items[kept - 1], set->items[i]) != 0)
			set->items[kept++] = set->items[i];
	}
	set->count = kept;
	return (struct value){.kind = VALUE_SET, .set = set};
}

static int order_fields(const void *a, const void *b)
{
	const struct value_field *x = a;
	const struct value_field *y = b;

	return text_compare(x->key, y->key);
}

struct value value_record(struct arena *arena, const struct text *names, const struct value *values,
			  size_t count)
{
	struct text *keys = arena_array(arena, count, sizeof(*keys));
	struct value_record *record =
		arena_alloc(arena, sizeof(*record) + count * sizeof(record->fields[0]));
	size_t kept = 0;

	if (keys == NULL || record == NULL)
		return value_none();
	record->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (values[i].kind == VALUE_NONE)
			continue;
		keys[i] = names[i];
		record->fields[record->count++] =
			(struct value_field){names[i].hash, &keys[i], values[i]};
	}
	if (record->count > 1 && !sort_stable(arena, record->fields, record->count,
					      sizeof(record->fields[0]), order_fields))
		return value_none();
	for (size_t i = 0; i < record->count; i++) {
		if (kept > 0 && text_eq(record->fields[kept - 1].key, record->fields[i].key))
			kept--;
		record->fields[kept++] = record->fields[i];
	}
	record->count = kept;
	return (struct value){.kind = VALUE_RECORD, .record = record};
}

struct shape_field {
	struct text key;
	size_t index; /* into the caller's values */
};

struct value_shape {
	size_t count;
	struct shape_field fields[];
};

static int order_shape(const void *a, const void *b)
{
	const struct shape_field *x = a;
	const struct shape_field *y = b;

	return text_compare(&x->key, &y->key);
}

const struct value_shape *value_shape_new(struct arena *arena, const struct str *names,
					  size_t count)
{
	struct value_shape *shape =
		arena_alloc(arena, sizeof(*shape) + count * sizeof(shape->fields[0]));

	if (shape == NULL)
		return NULL;
	shape->count = count;
	for (size_t i = 0; i < count; i++)
		shape->fields[i] = (struct shape_field){text_make(arena_str(arena, names[i])), i};
	if (!sort_stable(arena, shape->fields, count, sizeof(shape->fields[0]), order_shape))
		return NULL;
	for (size_t i = 1; i < count; i++)
		ASSERT(!text_eq(&shape->fields[i - 1].key, &shape->fields[i].key));
	return arena_has_overflowed(arena) ? NULL : shape;
}

struct value value_shape_record(const struct value_shape *shape, struct arena *arena,
				const struct value *values)
{
	struct value_record *record =
		arena_alloc(arena, sizeof(*record) + shape->count * sizeof(record->fields[0]));

	if (record == NULL)
		return value_none();
	record->count = 0;
	for (size_t i = 0; i < shape->count; i++) {
		const struct shape_field *field = &shape->fields[i];

		if (values[field->index].kind != VALUE_NONE)
			record->fields[record->count++] = (struct value_field){
				field->key.hash, &field->key, values[field->index]};
	}
	return (struct value){.kind = VALUE_RECORD, .record = record};
}

static int set_compare(const struct value_set *a, const struct value_set *b)
{
	int order = count_compare(a->count, b->count);

	for (size_t i = 0; order == 0 && i < a->count; i++)
		order = value_compare(a->items[i], b->items[i]);
	return order;
}

static int record_compare(const struct value_record *a, const struct value_record *b)
{
	int order = count_compare(a->count, b->count);

	for (size_t i = 0; order == 0 && i < a->count; i++)
		order = text_compare(a->fields[i].key, b->fields[i].key);
	for (size_t i = 0; order == 0 && i < a->count; i++)
		order = value_compare(a->fields[i].value, b->fields[i].value);
	return order;
}

static int ip_compare(const struct ip *a, const struct ip *b)
{
	int order;

	if (a->is_v6 != b->is_v6)
		return a->is_v6 ? 1 : -1;
	order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order != 0 ? order : (int)a->prefix - (int)b->prefix;
}

/* Recursion is bounded: values nest no deeper than the text or JSON they came from. */
int value_compare(struct value a, struct value b)
{
	if (a.kind != b.kind)
		return a.kind < b.kind ? -1 : 1;
	switch (a.kind) {
	case VALUE_NONE: return 0;
	case VALUE_BOOL: return (int)a.boolean - (int)b.boolean;
	case VALUE_STRING: return text_compare(a.text, b.text);
	case VALUE_ENTITY: return uid_compare(a.uid, b.uid);
	case VALUE_SET: return a.set == b.set ? 0 : set_compare(a.set, b.set);
	case VALUE_RECORD: return a.record == b.record ? 0 : record_compare(a.record, b.record);
	case VALUE_IP: return ip_compare(a.ip, b.ip);
	case VALUE_LONG:
	case VALUE_DECIMAL:
	case VALUE_DATETIME:
	case VALUE_DURATION: return number_compare(a.number, b.number);
	}
	return 0;
}

bool value_eq(struct value a, struct value b)
{
	return value_compare(a, b) == 0;
}

bool value_set_has(const struct value_set *set, struct value item)
{
	size_t low = 0;
	size_t high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = value_compare(set->items[middle], item);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Where the hash would stand if hashes were spread evenly, as they nearly are, and a few steps from
 * there; by halves in a record large enough to be made for many steps. */
static size_t record_guess(const struct value_record *record, uint64_t hash)
{
	size_t low = 0;
	size_t high = record->count;

	if (high <= RECORD_SMALL) {
		low = (size_t)(((__uint128_t)hash * high) >> 64);
		while (low > 0 && record->fields[low - 1].hash >= hash)
			low--;
		while (low < high && record->fields[low].hash < hash)
			low++;
		return low;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (record->fields[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct value value_record_get(const struct value_record *record, const struct text *key)
{
	size_t at = record_guess(record, key->hash);

	for (; at < record->count && record->fields[at].hash == key->hash; at++)
		if (text_eq(record->fields[at].key, key))
			return record->fields[at].value;
	return value_none();
}

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[] = {
		[VALUE_NONE] = "nothing",      [VALUE_BOOL] = "Bool",	      [VALUE_LONG] = "Long",
		[VALUE_STRING] = "String",     [VALUE_ENTITY] = "entity",     [VALUE_SET] = "Set",
		[VALUE_RECORD] = "record",     [VALUE_DECIMAL] = "decimal",   [VALUE_IP] = "ipaddr",
		[VALUE_DATETIME] = "datetime", [VALUE_DURATION] = "duration",
	};

	return names[kind];
}
