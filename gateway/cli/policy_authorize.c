/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_authorize.h"

#include "gateway/cli/policy_ask.h"
#include "gateway/cli/policy_batch.h"

#define AUTHORIZE_JSON ((size_t)64 << 20)

static const char usage[] =
	"usage: tollgate policy authorize --principal E --action E --resource E [--context C]\n"
	"                                 [OPTION ...]\n"
	"       tollgate policy authorize --batch [OPTION ...] < REQUESTS > ANSWERS\n"
	"\n"
	"Answers one request as the gateway would: allow or deny, the policies that were the\n"
	"reason, and those that could not be evaluated. With --batch each line of stdin is a\n"
	"request\n"
	"\n"
	"  {\"principal\": \"User::\\\"ana\\\"\", \"action\": E, \"resource\": E, \"context\": "
	"{...}}\n"
	"\n"
	"(an entity may also be {\"type\": \"User\", \"id\": \"ana\"}; an \"id\" comes back in "
	"the\n"
	"answer) and each line of stdout its answer; a line that is no request is answered with\n"
	"{\"line\": N, \"error\": \"...\"}, and the others go on.\n"
	"\n"
	"%s"
	"  --batch          requests from stdin, answers to stdout, one a line\n"
	"  --format F       text (default) or json\n"
	"%s"
	"\n"
	"Exit codes: 0 allow, 1 deny or a file or request is wrong, 2 wrong use, 3 a file cannot\n"
	"be read. With --batch: 0 when every line was answered, 1 when one was refused.\n";

/* What a policy says of itself. */
static void write_policy(struct json_out *out, const struct policy *policy)
{
	struct str status = policy_annotation(policy, STR("status"));
	struct str reason = policy_annotation(policy, STR("reason"));

	json_out_str(out, "id", policy_id(policy));
	if (str_is_set(status))
		json_out_str(out, "status", status);
	if (str_is_set(reason))
		json_out_str(out, "reason", reason);
}

void policy_decision_json(struct json_out *out, const struct policy_decision *decision)
{
	json_out_str(out, "decision", decision->is_allowed ? STR("allow") : STR("deny"));
	if (decision->is_forbid_error)
		json_out_bool(out, "forbid_error", true);
	json_out_open(out, "reasons", '[');
	for (size_t i = 0; i < decision->reason_count; i++) {
		json_out_open(out, NULL, '{');
		write_policy(out, decision->reasons[i]);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
	json_out_open(out, "errors", '[');
	for (size_t i = 0; i < decision->error_count; i++) {
		json_out_open(out, NULL, '{');
		write_policy(out, decision->errors[i].policy);
		json_out_str(out, "error", decision->errors[i].text);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

static void print_policy(FILE *file, const char *label, const struct policy *policy)
{
	struct str status = policy_annotation(policy, STR("status"));
	struct str reason = policy_annotation(policy, STR("reason"));

	fprintf(file, "  %s " STR_FMT, label, STR_ARG(policy_id(policy)));
	if (str_is_set(status))
		fprintf(file, " [" STR_FMT "]", STR_ARG(status));
	if (str_is_set(reason))
		fprintf(file, ": " STR_FMT, STR_ARG(reason));
}

void policy_decision_print(FILE *file, const struct policy_decision *decision)
{
	if (decision->is_forbid_error)
		fputs("deny: a forbid could not be evaluated (on_forbid_error: deny)\n", file);
	else if (!decision->is_allowed && decision->reason_count == 0)
		fputs("deny: no policy permits it\n", file);
	else
		fputs(decision->is_allowed ? "allow\n" : "deny\n", file);
	for (size_t i = 0; i < decision->reason_count; i++) {
		print_policy(file, decision->is_allowed ? "permit" : "forbid",
			     decision->reasons[i]);
		fputc('\n', file);
	}
	for (size_t i = 0; i < decision->error_count; i++) {
		print_policy(file, "error ", decision->errors[i].policy);
		fprintf(file, "\n         " STR_FMT "\n", STR_ARG(decision->errors[i].text));
	}
}

static int print_json(const struct policy_decision *decision)
{
	struct json_out out;
	enum err err;

	json_out_init(&out, AUTHORIZE_JSON);
	json_out_open(&out, NULL, '{');
	policy_decision_json(&out, decision);
	json_out_close(&out, '}');
	err = json_out_print(&out, stdout);
	json_out_fini(&out);
	return err == OK ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
}

static int answer(struct policy_ask *ask)
{
	struct policy_decision decision;
	struct diag diag = {0};
	enum err err;
	int code = policy_ask_request(ask);

	if (code != EXIT_CODE_FINE)
		return code;
	err = policy_decide(ask->inputs.policies, ask->inputs.entities, &ask->request,
			    &ask->options, &ask->arena, &decision);
	if (err != OK)
		return args_fail_diag(
			&ask->args, err,
			(diag_set(&diag, err, "", 0, 0, "the decision takes too much memory"),
			 &diag));
	if (ask->is_json)
		code = print_json(&decision);
	else
		policy_decision_print(stdout, &decision);
	if (code != EXIT_CODE_FINE)
		return code;
	return decision.is_allowed ? EXIT_CODE_FINE : EXIT_CODE_NO;
}

static int run(struct policy_ask *ask, bool is_batch)
{
	int code;

	if (is_batch && (str_is_set(ask->principal) || str_is_set(ask->action) ||
			 str_is_set(ask->resource) || str_is_set(ask->context)))
		return args_fail(&ask->args,
				 "with --batch the requests come from stdin, not from words");
	code = policy_ask_load(ask);
	if (code != EXIT_CODE_FINE)
		return code;
	return is_batch ? policy_batch_run(ask) : answer(ask);
}

static int take_words(struct policy_ask *ask)
{
	bool is_batch = false;
	struct str word;

	for (;;) {
		switch (args_next(&ask->args, &word)) {
		case ARGS_END: return run(ask, is_batch);
		case ARGS_OPERAND: return args_unknown(&ask->args, word);
		case ARGS_OPTION: break;
		}
		if (str_eq(word, STR("help"))) {
			printf(usage, policy_ask_usage, policy_inputs_usage);
			return EXIT_CODE_FINE;
		}
		if (str_eq(word, STR("batch"))) {
			is_batch = true;
			continue;
		}
		switch (policy_ask_option(ask, word)) {
		case POLICY_INPUTS_TAKEN: break;
		case POLICY_INPUTS_WRONG: return EXIT_CODE_USAGE;
		case POLICY_INPUTS_OTHER: return args_unknown(&ask->args, ask->args.option);
		}
	}
}

int cli_policy_authorize(int argc, char **argv)
{
	struct policy_ask ask;
	int code;

	policy_ask_init(&ask, "tollgate policy authorize", argc, argv);
	code = take_words(&ask);
	policy_ask_fini(&ask);
	return code;
}
