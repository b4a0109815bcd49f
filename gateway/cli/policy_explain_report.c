/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_explain_report.h"

#include "gateway/cli/json_out.h"
#include "gateway/cli/policy_authorize.h"
#include "policy/print.h"

#define REPORT_JSON    ((size_t)64 << 20)
#define REPORT_UID     ((size_t)4096)
#define REPORT_PARENTS 20 /* shown; a person may be in thousands of groups */

static const char *const outcomes[] = {
	[EXPLAIN_NOT_REACHED] = "-",
	[EXPLAIN_FALSE] = "false",
	[EXPLAIN_TRUE] = "true",
	[EXPLAIN_ERROR] = "error",
};

static const char *const verdicts[] = {
	[EVAL_UNSATISFIED] = "does not apply",
	[EVAL_SATISFIED] = "applies",
	[EVAL_ERROR] = "cannot be evaluated",
};

static const char *const variables[] = {"principal", "action", "resource"};

static const struct uid *uid_of(const struct policy_request *request, size_t i)
{
	const struct uid *uids[] = {request->principal, request->action, request->resource};

	return uids[i];
}

/* Text ------------------------------------------------------------------------------------- */

static void print_entity_name(FILE *out, const struct uid *uid)
{
	struct buf text;

	buf_init(&text, REPORT_UID);
	if (print_uid(&text, uid) == OK)
		fwrite(text.ptr, 1, text.len, out);
	else
		fputs("(a name too long to show)", out);
	buf_fini(&text);
}

/* The request's own three with what they are in: most of scopes ask for that. */
static void print_head(const struct policy_explain_report *report, FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		const struct uid *uid = uid_of(report->request, i);
		const struct entity *entity = entity_store_find(report->store, uid);
		size_t count = entity == NULL ? 0 : entity->ancestor_count;

		fprintf(out, "%-10s ", variables[i]);
		print_entity_name(out, uid);
		fputs(entity == NULL ? "  (not among the entities)\n" : "\n", out);
		for (size_t k = 0; k < MIN(count, (size_t)REPORT_PARENTS); k++) {
			fputs("           in ", out);
			print_entity_name(out, entity->ancestors[k].uid);
			fputc('\n', out);
		}
		if (count > REPORT_PARENTS)
			fprintf(out, "           and in %zu more\n", count - REPORT_PARENTS);
	}
}

static void print_clause(const struct explain_clause *clause, FILE *out)
{
	fprintf(out, "    %-5s  " STR_FMT "  (line %u)\n", outcomes[clause->outcome],
		STR_ARG(clause->text), clause->line);
	if (clause->outcome == EXPLAIN_ERROR)
		fprintf(out, "             " STR_FMT "\n", STR_ARG(clause->error));
	for (size_t i = 0; i < clause->read_count; i++) {
		const struct explain_read *read = &clause->reads[i];

		if (str_is_set(read->value))
			fprintf(out, "             " STR_FMT " = " STR_FMT "\n",
				STR_ARG(read->path), STR_ARG(read->value));
		else
			fprintf(out, "             " STR_FMT " is absent\n", STR_ARG(read->path));
	}
}

static void print_policy_report(const struct explain_policy *policy, FILE *out)
{
	fprintf(out, "\n%s " STR_FMT "  %s:%u  %s%s\n",
		policy_is_forbid(policy->policy) ? "forbid" : "permit",
		STR_ARG(policy_id(policy->policy)), policy_file(policy->policy),
		policy_line(policy->policy), verdicts[policy->verdict],
		policy->is_considered ? "" : " (left out by the index)");
	for (size_t i = 0; i < ARRAY_LEN(policy->scopes); i++)
		fprintf(out, "  %-5s  " STR_FMT "\n", policy->scopes[i].is_true ? "true" : "false",
			STR_ARG(policy->scopes[i].text));
	for (size_t i = 0; i < policy->condition_count; i++) {
		const struct explain_condition *condition = &policy->conditions[i];

		fprintf(out, "  %-5s  %s\n", outcomes[condition->outcome],
			condition->is_unless ? "unless" : "when");
		for (size_t k = 0; k < condition->clause_count; k++)
			print_clause(&condition->clauses[k], out);
	}
}

void policy_explain_print(const struct policy_explain_report *report, FILE *out)
{
	const struct explain *explain = report->explain;
	size_t left_out = explain->count - explain->considered_count;

	print_head(report, out);
	for (size_t i = 0; i < explain->count; i++)
		if (report->shows_all || explain->policies[i].is_considered)
			print_policy_report(&explain->policies[i], out);
	fprintf(out, "\n%zu of %zu policies considered", explain->considered_count, explain->count);
	if (left_out > 0)
		fprintf(out, ", the scopes of %zu cannot match%s", left_out,
			report->shows_all ? "" : " (--all shows them)");
	fputs("\n\n", out);
	policy_decision_print(out, &explain->decision);
}

/* JSON ------------------------------------------------------------------------------------- */

static void write_outcome(struct json_out *out, const char *key, enum explain_outcome outcome)
{
	struct str none = {NULL, 0};

	json_out_str(out, key,
		     outcome == EXPLAIN_NOT_REACHED ? none : str_from_c(outcomes[outcome]));
}

static void write_clause(struct json_out *out, const struct explain_clause *clause)
{
	json_out_open(out, NULL, '{');
	json_out_str(out, "text", clause->text);
	json_out_number(out, "line", clause->line);
	write_outcome(out, "outcome", clause->outcome);
	if (clause->outcome == EXPLAIN_ERROR)
		json_out_str(out, "error", clause->error);
	json_out_open(out, "reads", '[');
	for (size_t i = 0; i < clause->read_count; i++) {
		json_out_open(out, NULL, '{');
		json_out_str(out, "path", clause->reads[i].path);
		json_out_str(out, "value", clause->reads[i].value);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
	json_out_close(out, '}');
}

static void write_condition(struct json_out *out, const struct explain_condition *condition)
{
	json_out_open(out, NULL, '{');
	json_out_str(out, "kind", condition->is_unless ? STR("unless") : STR("when"));
	write_outcome(out, "outcome", condition->outcome);
	json_out_open(out, "clauses", '[');
	for (size_t i = 0; i < condition->clause_count; i++)
		write_clause(out, &condition->clauses[i]);
	json_out_close(out, ']');
	json_out_close(out, '}');
}

static void write_policy(struct json_out *out, const struct explain_policy *policy)
{
	json_out_open(out, NULL, '{');
	json_out_str(out, "id", policy_id(policy->policy));
	json_out_str(out, "effect",
		     policy_is_forbid(policy->policy) ? STR("forbid") : STR("permit"));
	json_out_str(out, "file", str_from_c(policy_file(policy->policy)));
	json_out_number(out, "line", policy_line(policy->policy));
	json_out_bool(out, "considered", policy->is_considered);
	json_out_str(out, "verdict", str_from_c(verdicts[policy->verdict]));
	json_out_open(out, "scope", '[');
	for (size_t i = 0; i < ARRAY_LEN(policy->scopes); i++) {
		json_out_open(out, NULL, '{');
		json_out_str(out, "text", policy->scopes[i].text);
		json_out_bool(out, "outcome", policy->scopes[i].is_true);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
	json_out_open(out, "conditions", '[');
	for (size_t i = 0; i < policy->condition_count; i++)
		write_condition(out, &policy->conditions[i]);
	json_out_close(out, ']');
	json_out_close(out, '}');
}

enum err policy_explain_json(const struct policy_explain_report *report, FILE *file)
{
	const struct explain *explain = report->explain;
	struct json_out out;
	enum err err;

	json_out_init(&out, REPORT_JSON);
	json_out_open(&out, NULL, '{');
	policy_decision_json(&out, &explain->decision);
	json_out_number(&out, "considered", explain->considered_count);
	json_out_open(&out, "policies", '[');
	for (size_t i = 0; i < explain->count; i++)
		if (report->shows_all || explain->policies[i].is_considered)
			write_policy(&out, &explain->policies[i]);
	json_out_close(&out, ']');
	json_out_close(&out, '}');
	err = json_out_print(&out, file);
	json_out_fini(&out);
	return err;
}
