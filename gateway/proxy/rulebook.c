/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/rulebook.h"

#include "gateway/proxy/contract.h"
#include "policy/check.h"

/* Each part is loaded and checked whatever became of the others, so that all is said at once. */

static enum err load_schema(const struct policy_source *source, struct diags *errors,
			    struct diags *warnings, struct schema **out)
{
	const struct schema_source from = {
		.file = source->file,
		.text = source->text,
		.format = source->format == POLICY_FORMAT_JSON ? SCHEMA_FORMAT_JSON
							       : SCHEMA_FORMAT_TEXT,
		.all = errors,
		.warnings = warnings,
	};
	struct diag diag = {0};

	if (str_is_set(source->text))
		return schema_load_source(&from, out, NULL);
	(void)diag_set(&diag, ERR_NOT_FOUND, "", 0, 0,
		       "policy.schema is missing: without a schema no policy can be checked "
		       "before it decides");
	return diags_add(errors, ERR_NOT_FOUND, &diag);
}

static enum err load_policies(const struct rulebook_options *options, struct diags *errors,
			      struct policy_set **out)
{
	const struct policy_set_options how = {.takes_templates = true, .all = errors};

	return policy_set_load(options->policies, options->policy_count, &how, out, NULL);
}

static enum err load_entities(const struct policy_source *source, const struct schema *schema,
			      struct diags *errors, struct entity_store **out)
{
	struct entity_store *store = entity_store_new(NULL);
	struct diag diag = {0};
	enum err err = OK;

	if (str_is_set(source->text))
		err = entity_store_load_all(store, source->file, source->text, schema, errors);
	if (err == OK) {
		err = entity_store_add_actions(store, schema, &diag);
		if (err != OK)
			(void)diags_add(errors, err, &diag);
	}
	if (err != OK) {
		entity_store_free(store);
		return err;
	}
	*out = store;
	return OK;
}

static void list_findings(const struct check_report *report, struct diags *errors,
			  struct diags *warnings)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct check_finding *finding = &report->findings[i];
		struct diags *list = finding->is_warning ? warnings : errors;
		struct diag diag = {0};

		check_finding_diag(finding, &diag);
		(void)diags_add(list, ERR_MALFORMED, &diag);
	}
}

/* level 0: types; else how far policies look. */
static enum err check_by(const struct rulebook *book, unsigned level, struct diags *errors,
			 struct diags *warnings)
{
	struct check_report report;
	struct diag diag = {0};
	enum err err;

	check_report_init(&report);
	err = level == 0 ? check_policies(book->policies, book->schema, &report)
			 : check_levels(book->policies, book->schema, level, &report);
	list_findings(&report, errors, warnings);
	if (err == ERR_LIMIT) {
		(void)diag_set(&diag, err, "", 0, 0,
			       "checking the policies takes more than %zu MiB of memory",
			       CHECK_ARENA >> 20);
		(void)diags_add(errors, err, &diag);
	}
	check_report_fini(&report);
	return err;
}

static enum err check(const struct rulebook *book, unsigned level, struct diags *errors,
		      struct diags *warnings)
{
	enum err err = check_by(book, 0, errors, warnings);
	enum err level_err = level == 0 ? OK : check_by(book, level, errors, NULL);

	return err != OK ? err : level_err;
}

enum err rulebook_load(const struct rulebook_options *options, struct diags *errors,
		       struct diags *warnings, struct rulebook *out)
{
	struct rulebook book = {0};
	enum err err = load_schema(&options->schema, errors, warnings, &book.schema);
	enum err policies_err = load_policies(options, errors, &book.policies);

	if (err == OK)
		err = contract_check(book.schema, &options->schema, errors);
	if (book.schema != NULL) {
		enum err entities_err =
			load_entities(&options->entities, book.schema, errors, &book.entities);

		err = err != OK ? err : entities_err;
	}
	if (book.schema != NULL && policies_err == OK)
		policies_err = check(&book, options->level, errors, warnings);
	err = err != OK ? err : policies_err;
	if (err != OK) {
		rulebook_fini(&book);
		return err;
	}
	*out = book;
	return OK;
}

void rulebook_fini(struct rulebook *book)
{
	policy_set_free(book->policies);
	entity_store_free(book->entities);
	schema_free(book->schema);
	*book = (struct rulebook){.policies = NULL};
}
