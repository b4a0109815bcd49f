/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_review.h"

#include "policy/print.h"

const char *policy_review_word(enum review_verdict verdict)
{
	switch (verdict) {
	case REVIEW_NEVER: return "never";
	case REVIEW_IF: return "if";
	case REVIEW_ALWAYS: break;
	}
	return "always";
}

void policy_review_print_entity(FILE *file, const struct uid *uid, struct str type)
{
	struct buf text;

	if (uid == NULL) {
		fprintf(file, "any other " STR_FMT,
			STR_ARG(str_is_set(type) ? type : STR("entity")));
		return;
	}
	buf_init(&text, POLICY_REVIEW_TEXT);
	if (print_uid(&text, uid) != OK)
		fputs("(cut) ", file);
	fprintf(file, STR_FMT, STR_ARG(buf_str(&text)));
	buf_fini(&text);
}

void policy_review_json_entity(struct json_out *out, const char *key, const struct uid *uid)
{
	struct buf text;

	buf_init(&text, POLICY_REVIEW_TEXT);
	if (uid == NULL || print_uid(&text, uid) != OK)
		json_out_str(out, key, (struct str){NULL, 0});
	else
		json_out_str(out, key, buf_str(&text));
	buf_fini(&text);
}

static void print_text(FILE *file, const struct expr *expr)
{
	struct buf text;
	bool is_cut;

	buf_init(&text, POLICY_REVIEW_TEXT);
	is_cut = print_expr(&text, expr) != OK;
	fprintf(file, STR_FMT "%s", STR_ARG(buf_str(&text)), is_cut ? " (cut)" : "");
	buf_fini(&text);
}

/* One part of a chain of &&: alternatives, each on its line. */
static void print_part(FILE *file, const struct expr *part, bool is_alone, const char *indent)
{
	bool is_choice = part->kind == EXPR_OR && !is_alone;
	bool needs_brackets = (part->kind == EXPR_OR || part->kind == EXPR_IF) && !is_alone;
	size_t count = part->kind == EXPR_OR ? part->list.count : 1;

	fputs(needs_brackets ? "(" : "", file);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			fprintf(file, "\n%s   %s|| ", indent, is_choice ? " " : "");
		print_text(file, part->kind == EXPR_OR ? part->list.items[i] : part);
	}
	fputs(needs_brackets ? ")\n" : "\n", file);
}

void policy_review_print_condition(FILE *file, const struct review *review, const char *indent)
{
	const struct expr *condition = review->condition;
	bool is_chain = review->verdict == REVIEW_IF && condition->kind == EXPR_AND;

	if (review->verdict != REVIEW_IF)
		return;
	for (size_t i = 0; i < (is_chain ? condition->list.count : 1); i++) {
		fprintf(file, "%s%s ", indent, i == 0 ? "  " : "&&");
		print_part(file, is_chain ? condition->list.items[i] : condition, !is_chain,
			   indent);
	}
}

static size_t part_count(const struct review *review)
{
	return review->condition->kind == EXPR_AND ? review->condition->list.count : 1;
}

static const struct expr *part_at(const struct review *review, size_t i)
{
	return review->condition->kind == EXPR_AND ? review->condition->list.items[i]
						   : review->condition;
}

/* Parts of one that the other lacks; returns how many both have. */
static size_t print_lacking(FILE *file, const struct review *one, const struct review *other,
			    const char *sign, const char *indent)
{
	size_t shared = 0;

	for (size_t i = 0; i < part_count(one); i++) {
		bool is_shared = false;

		for (size_t k = 0; !is_shared && k < part_count(other); k++)
			is_shared = review_is_same_condition(part_at(one, i), part_at(other, k));
		if (is_shared) {
			shared++;
			continue;
		}
		fprintf(file, "%s%s ", indent, sign);
		print_part(file, part_at(one, i), true, indent);
	}
	return shared;
}

void policy_review_print_change(FILE *file, const struct review *old, const struct review *new,
				const char *indent)
{
	size_t shared;

	(void)print_lacking(file, old, new, "- ", indent);
	shared = print_lacking(file, new, old, "+ ", indent);
	if (shared > 0)
		fprintf(file, "%s   and %zu condition%s as before\n", indent, shared,
			shared == 1 ? "" : "s");
}

static void print_ids(FILE *file, const char *before, const struct review_policies *list)
{
	for (size_t i = 0; i < list->count; i++)
		fprintf(file, "%s" STR_FMT, i == 0 ? before : ", ",
			STR_ARG(policy_id(list->policies[i])));
}

void policy_review_print_policies(FILE *file, const struct review *review, const char *indent)
{
	fputs(indent, file);
	if (review->permits.count == 0 && review->forbids.count == 0)
		fputs("no policy permits it", file);
	print_ids(file, "by ", &review->permits);
	print_ids(file, review->permits.count > 0 ? "; unless " : "by ", &review->forbids);
	print_ids(file, "; in error: ", &review->errors);
	fputc('\n', file);
}

static void json_ids(struct json_out *out, const char *key, const struct review_policies *list)
{
	json_out_open(out, key, '[');
	for (size_t i = 0; i < list->count; i++)
		json_out_str(out, NULL, policy_id(list->policies[i]));
	json_out_close(out, ']');
}

void policy_review_json(struct json_out *out, const struct review *review)
{
	struct buf text;

	json_out_str(out, "may", str_from_c(policy_review_word(review->verdict)));
	if (review->verdict == REVIEW_IF) {
		buf_init(&text, POLICY_REVIEW_TEXT);
		if (print_expr(&text, review->condition) != OK)
			json_out_bool(out, "is_cut", true);
		json_out_str(out, "condition", buf_str(&text));
		json_out_bool(out, "may_err", review->may_err);
		buf_fini(&text);
	}
	json_ids(out, "permits", &review->permits);
	json_ids(out, "forbids", &review->forbids);
	json_ids(out, "errors", &review->errors);
}
