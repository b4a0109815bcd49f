/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http/message.h"

#define HEADER_NAME_MAX 24

struct header_row {
	struct str name;
	unsigned flags;
};

static const struct header_row header_rows[] = {
	[HEADER_OTHER] = {{"", 0}, 0},
#define HEADER_ROW(id, name, flags) [id] = {{name, sizeof(name) - 1}, flags},
#include "gateway/http/headers.def"
};

/* Length and first letter: one comparison rules out nearly every row, and all keys of the table
 * share two cache lines. */
#define HEADER_KEY(len, first) (uint16_t)((len) << 8 | (first))

static const uint16_t header_keys[] = {
	[HEADER_OTHER] = 0,
#define HEADER_ROW(id, name, flags) [id] = HEADER_KEY(sizeof(name) - 1, (unsigned char)(name)[0]),
#include "gateway/http/headers.def"
};

/* One bit per key: most names that are not in the table end here. */
#define HEADER_BIT(len, first) (UINT64_C(1) << (((len)*5 + (first)) & 63))

static const uint64_t header_bits = 0
#define HEADER_ROW(id, name, flags) | HEADER_BIT(sizeof(name) - 1, (unsigned char)(name)[0])
#include "gateway/http/headers.def"
	;

#define HEADER_ROW(id, name, flags)                                                                \
	_Static_assert(sizeof(name) - 1 <= HEADER_NAME_MAX, "name fits the look-up");
#include "gateway/http/headers.def"

/* For a token name, setting bit 5 lowers letters and leaves digits and '-' alone; no other tchar
 * lands on one of those. */
static bool name_is(struct str name, const char *lower)
{
	unsigned diff = 0;

	for (size_t i = 0; i < name.len; i++)
		diff |= ((unsigned char)name.ptr[i] | 0x20U) ^ (unsigned char)lower[i];
	return diff == 0;
}

enum header header_find(struct str name)
{
	unsigned first;
	uint16_t key;

	if (name.len == 0 || name.len > HEADER_NAME_MAX)
		return HEADER_OTHER;
	first = (unsigned char)name.ptr[0] | 0x20U;
	if ((header_bits & HEADER_BIT(name.len, first)) == 0)
		return HEADER_OTHER;
	key = HEADER_KEY(name.len, first);
	for (unsigned i = 1; i < HEADER_COUNT; i++) {
		if (header_keys[i] == key && name_is(name, header_rows[i].name.ptr))
			return (enum header)i;
	}
	return HEADER_OTHER;
}

enum header header_find_lookalike(struct str name)
{
	char plain[HEADER_NAME_MAX];

	if (name.len > sizeof(plain))
		return HEADER_OTHER;
	for (size_t i = 0; i < name.len; i++)
		plain[i] = name.ptr[i] == '_' ? '-' : name.ptr[i];
	return header_find(str_make(plain, name.len));
}

unsigned header_flags(enum header id)
{
	ASSERT(id < HEADER_COUNT);
	return header_rows[id].flags;
}

const struct field *head_find(const struct head *head, enum header id)
{
	ASSERT(id != HEADER_OTHER);
	for (size_t i = 0; i < head->field_count; i++) {
		if (head->fields[i].id == id)
			return &head->fields[i];
	}
	return NULL;
}

struct str head_value(const struct head *head, enum header id)
{
	const struct field *field = head_find(head, id);

	return field == NULL ? (struct str){NULL, 0} : field->value;
}

size_t head_count(const struct head *head, enum header id)
{
	size_t count = 0;

	ASSERT(id != HEADER_OTHER);
	for (size_t i = 0; i < head->field_count; i++)
		count += head->fields[i].id == id;
	return count;
}

struct str head_value_by_name(const struct head *head, struct str name)
{
	for (size_t i = 0; i < head->field_count; i++) {
		if (str_eq_nocase(head->fields[i].name, name))
			return head->fields[i].value;
	}
	return (struct str){NULL, 0};
}

/* Is name an element of the comma list? */
static bool list_names(struct str list, struct str name)
{
	struct str element;
	bool more;

	do {
		more = str_cut(&list, ',', &element);
		if (str_eq_nocase(str_trim(element), name))
			return true;
	} while (more);
	return false;
}

bool head_is_hop(const struct head *head, const struct field *field)
{
	if ((header_flags(field->id) & HEADER_HOP) != 0)
		return true;
	for (size_t i = 0; i < head->field_count; i++) {
		if (head->fields[i].id == HEADER_CONNECTION &&
		    list_names(head->fields[i].value, field->name))
			return true;
	}
	return false;
}

static struct str put(char **at, struct str s)
{
	struct str copy = {s.ptr == NULL ? NULL : *at, s.len};

	if (s.len > 0)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

struct head *head_copy(struct arena *arena, const struct head *head)
{
	size_t size = offsetof(struct head, fields) + head->field_count * sizeof(struct field);
	size_t text = head->target.len;
	struct head *copy;
	char *at;

	for (size_t i = 0; i < head->field_count; i++)
		text += head->fields[i].name.len + head->fields[i].value.len;
	copy = arena_alloc(arena, size + text);
	if (copy == NULL)
		return NULL;
	memcpy(copy, head, size);
	at = (char *)copy + size;
	copy->target = put(&at, head->target);
	/* path and query are parts of target. */
	if (str_is_set(head->path))
		copy->path.ptr = copy->target.ptr + (head->path.ptr - head->target.ptr);
	if (str_is_set(head->query))
		copy->query.ptr = copy->target.ptr + (head->query.ptr - head->target.ptr);
	for (size_t i = 0; i < head->field_count; i++) {
		copy->fields[i].name = put(&at, head->fields[i].name);
		copy->fields[i].value = put(&at, head->fields[i].value);
	}
	return copy;
}

static const struct str method_names[] = {
	[METHOD_GET] = {"GET", 3},	 [METHOD_HEAD] = {"HEAD", 4},
	[METHOD_POST] = {"POST", 4},	 [METHOD_PUT] = {"PUT", 3},
	[METHOD_DELETE] = {"DELETE", 6}, [METHOD_OPTIONS] = {"OPTIONS", 7},
	[METHOD_PATCH] = {"PATCH", 5},
};

_Static_assert(ARRAY_LEN(method_names) == METHOD_COUNT, "one name per method");

bool method_find(struct str name, enum method *out)
{
	for (unsigned i = 0; i < METHOD_COUNT; i++) {
		if (str_eq(name, method_names[i])) {
			*out = (enum method)i;
			return true;
		}
	}
	return false;
}

struct str method_name(enum method method)
{
	ASSERT(method < METHOD_COUNT);
	return method_names[method];
}

static const struct {
	unsigned status;
	struct str text;
} reasons[] = {
	{100, STR("Continue")},
	{200, STR("OK")},
	{201, STR("Created")},
	{202, STR("Accepted")},
	{204, STR("No Content")},
	{301, STR("Moved Permanently")},
	{302, STR("Found")},
	{304, STR("Not Modified")},
	{307, STR("Temporary Redirect")},
	{308, STR("Permanent Redirect")},
	{400, STR("Bad Request")},
	{401, STR("Unauthorized")},
	{402, STR("Payment Required")},
	{403, STR("Forbidden")},
	{404, STR("Not Found")},
	{405, STR("Method Not Allowed")},
	{406, STR("Not Acceptable")},
	{408, STR("Request Timeout")},
	{409, STR("Conflict")},
	{410, STR("Gone")},
	{412, STR("Precondition Failed")},
	{413, STR("Content Too Large")},
	{414, STR("URI Too Long")},
	{415, STR("Unsupported Media Type")},
	{417, STR("Expectation Failed")},
	{422, STR("Unprocessable Content")},
	{429, STR("Too Many Requests")},
	{431, STR("Request Header Fields Too Large")},
	{500, STR("Internal Server Error")},
	{501, STR("Not Implemented")},
	{502, STR("Bad Gateway")},
	{503, STR("Service Unavailable")},
	{504, STR("Gateway Timeout")},
	{505, STR("HTTP Version Not Supported")},
	{529, STR("Overloaded")},
};

struct str status_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return STR("");
}
