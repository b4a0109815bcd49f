/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas from text and JSON: no input may crash, leak or loop, all errors or the first agree on
 * refusing, and what was taken and written is taken again and written the same. */
#include "fuzz.h"

#include "policy/schema_json_write.h"
#include "policy/schema_text_write.h"

#define MAX_INPUT ((size_t)20000)
#define MAX_BYTES ((size_t)8 << 20)

typedef enum err (*write_fn)(struct buf *out, const struct schema *schema);

static enum err write_text(struct buf *out, const struct schema *schema)
{
	struct diag diag;

	return schema_text_write(out, schema, &diag);
}

static struct schema *load_again(const struct buf *text)
{
	struct schema_source source = {.file = "again", .text = buf_str(text)};
	struct schema *schema = NULL;

	source.format = schema_format_of(source.text);
	ASSERT(schema_load_source(&source, &schema, NULL) == OK);
	return schema;
}

static void check_law(const struct schema *schema, write_fn write)
{
	struct buf once, twice;
	struct schema *again;
	enum err err;

	buf_init(&once, MAX_BYTES);
	buf_init(&twice, MAX_BYTES);
	err = write(&once, schema);
	ASSERT(err == OK || err == ERR_LIMIT || (err == ERR_UNSUPPORTED && write == write_text));
	if (err == OK) {
		again = load_again(&once);
		ASSERT(write(&twice, again) == OK);
		ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
		schema_free(again);
	}
	buf_fini(&once);
	buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema_source source = {.file = "fuzz", .text = str_make((const char *)data, size)};
	struct schema *schema = NULL, *other = NULL;
	struct diags all, warnings;
	enum err err;

	if (size > MAX_INPUT)
		return 0;
	source.format = schema_format_of(source.text);
	err = schema_load_source(&source, &other, NULL);
	diags_init(&all, 20);
	diags_init(&warnings, 20);
	source.all = &all;
	source.warnings = &warnings;
	ASSERT(schema_load_source(&source, &schema, NULL) == err);
	ASSERT((all.count == 0) == (err == OK));
	diags_fini(&all);
	diags_fini(&warnings);
	if (err == OK) {
		check_law(schema, schema_json_write);
		check_law(schema, write_text);
	}
	schema_free(schema);
	schema_free(other);
	return 0;
}
