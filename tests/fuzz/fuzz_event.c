/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settle of a call whose gateway died, made from whatever stands in its
 * intent: refused, or one whole JSON object that says what the intent said.
 */
#include "base/buf.h"
#include "base/jscan.h"
#include "gateway/proxy/event.h"
#include "metering/journal/record.h"
#include "tests/fuzz/fuzz.h"

enum member {
	MEMBER_ROOT,
	MEMBER_TYPE,
	MEMBER_OUTCOME,
	MEMBER_BU,
	MEMBER_COST,
	MEMBER_LINES,
	MEMBER_COUNT,
};

static const char *const members[MEMBER_COUNT + 1] = {
	[MEMBER_ROOT] = "",
	[MEMBER_TYPE] = "type",
	[MEMBER_OUTCOME] = "data.outcome",
	[MEMBER_BU] = "data.bu",
	[MEMBER_COST] = "data.cost_pico",
	[MEMBER_LINES] = "data.lines",
};

struct seen {
	unsigned count[MEMBER_COUNT];
};

static enum err on_value(void *arg, const struct jscan_value *value)
{
	struct seen *seen = arg;

	ASSERT(!value->is_duplicate);
	seen->count[value->path]++;
	switch ((enum member)value->path) {
	case MEMBER_ROOT: ASSERT(value->type == JSCAN_OBJECT); break;
	case MEMBER_TYPE: ASSERT(str_eq(value->text, STR("tollgate.settle"))); break;
	case MEMBER_OUTCOME: ASSERT(str_eq(value->text, STR("recovered"))); break;
	case MEMBER_BU: ASSERT(value->type == JSCAN_STRING); break;
	case MEMBER_COST: ASSERT(value->type == JSCAN_NUMBER); break;
	case MEMBER_LINES: ASSERT(value->type == JSCAN_ARRAY); break;
	case MEMBER_COUNT: break;
	}
	return OK;
}

static void check(struct str text)
{
	struct jscan_paths *paths = jscan_paths_new(members);
	struct seen seen = {{0}};
	struct jscan scan;

	jscan_init(&scan, paths, on_value, &seen);
	ASSERT(jscan_feed(&scan, text) == OK);
	ASSERT(jscan_end(&scan) == OK);
	for (unsigned i = 0; i < MEMBER_COUNT; i++)
		ASSERT(seen.count[i] == 1);
	jscan_paths_free(paths);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;

	buf_init(&out, RECORD_PAYLOAD_BYTES);
	if (event_recovered(&out, str_make((const char *)data, size), 0) == OK)
		check(buf_str(&out));
	buf_fini(&out);
	return 0;
}
