/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of entities and contexts from JSON: free (json_value.h), or by the
 * declared type, where an entity may be written {"type", "id"} and a value of an
 * extension type as its constructor's string.
 *
 * Faults carry line, column and source line. With a list of them, reading goes
 * on behind a fault, at the next member of a record.
 *
 * Owns:    nothing; values and copies of strings live in the arena.
 * Threads: one user at a time.
 * Limits:  nesting ENTITY_JSON_DEPTH; max_elements; the arena's cap.
 */
#ifndef POLICY_JSON_DATA_H
#define POLICY_JSON_DATA_H

#include "base/diags.h"
#include "policy/json_tree.h"
#include "policy/schema.h"

struct json_data {
	struct arena *arena;
	const struct schema *schema; /* NULL: everything goes */
	const char *file;
	struct str text;
	const char *where; /* what is read, at the head of messages */
	struct str member; /* of the outermost record: where faults are right now */
	size_t max_elements;
	bool is_partial; /* the outermost record may lack what is required */
	unsigned depth;
	struct diags *all; /* every fault; NULL: the first one ends */
	struct diag *diag; /* the first; may be NULL */
	enum err err;	   /* of the first */
};

/* The text's tree, in the scratch arena; NULL after a fault. */
const struct json_tree *json_data_parse(struct json_data *data, struct arena *scratch, size_t max);
/* Always false. */
PRINTF_LIKE(4, 5)
bool json_data_fail(struct json_data *data, enum err err, size_t at, const char *fmt, ...);
bool json_data_fail_memory(struct json_data *data, const struct json_tree *tree);
/* No fault yet, or all are wanted and there is room for more. */
bool json_data_goes_on(const struct json_data *data);

/* A uid that the schema knows: type declared, an enum's id or action one of its own. */
bool json_data_uid(struct json_data *data, const struct json_tree *tree, const struct uid **out);
/* An object as a record of that type. type NULL: any members, and of type `element` when that is
 * not NULL (tags). */
bool json_data_record(struct json_data *data, const struct json_tree *tree,
		      const struct schema_type *type, const struct schema_type *element,
		      struct value *out);
/* An object as the escape or record that it is. */
bool json_data_object(struct json_data *data, const struct json_tree *tree, struct value *out);
/* type may be NULL. */
bool json_data_read(struct json_data *data, const struct json_tree *tree,
		    const struct schema_type *type, struct value *out);

#endif
