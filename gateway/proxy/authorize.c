/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/authorize.h"

#include "base/clock.h"
#include "gateway/proxy/worker.h"

/* Declarations --------------------------------------------------------------------- */

static enum err read_bool(struct str value, bool *out)
{
	if (str_eq(value, STR("true")))
		*out = true;
	else if (!str_eq(value, STR("false")))
		return ERR_MALFORMED;
	return OK;
}

static enum err read_class(struct str value, int64_t *out)
{
	uint64_t number = 0;

	if (str_to_u64(value, &number) != OK || number > 3)
		return ERR_MALFORMED;
	*out = (int64_t)number;
	return OK;
}

static enum err declared_read_field(struct declared *declared, struct str name, struct str value)
{
	if (str_eq_nocase(name, STR("data-class")))
		return read_class(value, &declared->data_class);
	if (str_eq_nocase(name, STR("pii")))
		return read_bool(value, &declared->is_pii);
	if (str_eq_nocase(name, STR("annex-iii")))
		return read_bool(value, &declared->is_annex_iii);
	if (str_eq_nocase(name, STR("human-oversight")))
		return read_bool(value, &declared->has_human_oversight);
	if (str_eq_nocase(name, STR("purpose")))
		declared->purpose = value;
	else if (str_eq_nocase(name, STR("fria-id")))
		declared->fria_id = value;
	return OK;
}

enum err declared_read(const struct head *head, struct declared *out, struct str *out_field)
{
	static const struct str prefix = STR("x-tollgate-");
	struct declared declared = {.purpose = STR("")};

	for (size_t i = 0; i < head->field_count; i++) {
		const struct field *field = &head->fields[i];
		struct str name;

		if (field->name.len <= prefix.len ||
		    !str_eq_nocase(str_sub(field->name, 0, prefix.len), prefix))
			continue;
		name = str_sub(field->name, prefix.len, field->name.len);
		for (size_t j = 0; j < i; j++) {
			if (!str_eq_nocase(head->fields[j].name, field->name))
				continue;
			*out_field = field->name;
			return ERR_MALFORMED;
		}
		if (declared_read_field(&declared, name, field->value) != OK) {
			*out_field = field->name;
			return ERR_MALFORMED;
		}
	}
	*out = declared;
	return OK;
}

/* Decisions --------------------------------------------------------------------------- */

static void fill_base(const struct request *req, struct catalog_call *call)
{
	int64_t now_ms = req->started_ns / CLOCK_NS_PER_MS;

	call->now_ms = now_ms;
	call->local_ms = now_ms + req->snap->utc_offset_ms;
	call->weekday = clock_civil_from_s(call->local_ms / 1000).weekday;
	call->source_ip = req->client_ip;
	call->request_id = str_make(req->id, REQUEST_ID_LEN);
	call->principal = req->principal;
}

/* Policies were checked for questions that fit the schema, and for no others: what does not fit is
 * not put to them. */
static enum err check_question(struct request *req, enum catalog_action action,
			       const struct policy_request *question)
{
	struct diag why = {0};

	req->misfit = catalog_principal_misfit(req->principal);
	if (!str_is_set(req->misfit) &&
	    catalog_conform(req->snap->rules->catalog, action, question, &why) != OK)
		req->misfit = arena_str(&req->arena, str_from_c(why.text));
	if (why.text[0] != '\0' && !str_is_set(req->misfit))
		return ERR_LIMIT;
	return str_is_set(req->misfit) ? ERR_MALFORMED : OK;
}

static enum err decide(struct request *req, enum catalog_action action, const struct model *model,
		       const struct catalog_call *call, struct policy_decision *out)
{
	const struct snapshot_rules *rules = req->snap->rules;
	const struct entity *principal = catalog_principal_entity(req->principal);
	struct policy_request question = {
		.action = catalog_action_uid(rules->catalog, action),
		.resource = catalog_model(rules->catalog, model),
		.overlay = principal,
		.context = catalog_context(rules->catalog, call, &req->arena),
	};
	enum err err;

	if (principal == NULL || question.context.kind == VALUE_NONE)
		return ERR_LIMIT;
	question.principal = &principal->uid;
	err = check_question(req, action, &question);
	if (err != OK)
		return err;
	return policy_decide(rules->policies, catalog_store(rules->catalog), &question,
			     &req->snap->policy_options, &req->arena, out);
}

enum err authorize_request(struct request *req, const struct declared *declared)
{
	enum catalog_action action = catalog_action(req->match.operation->action);
	struct catalog_call call = {
		.has_call = contract_has_call(action),
		.data_class = declared->data_class,
		.is_pii = declared->is_pii,
		.purpose = declared->purpose,
		.is_annex_iii = declared->is_annex_iii,
		.has_human_oversight = declared->has_human_oversight,
		.fria_id = declared->fria_id,
		.upstream_region = req->model->options.region,
		.is_stream = req->peek.is_stream,
		.max_tokens = req->output_bound,
		.input_tokens = req->input_estimate,
		.cost_micro = req->bound_pico / 1000000,
		.is_on_call = str_list_has(req->principal->scopes, STR("on-call")),
	};

	if (!str_is_set(call.upstream_region))
		call.upstream_region = STR("");
	call.has_budget = hold_standing(req, &call.budget_micro, &call.is_budget_hard);
	fill_base(req, &call);
	return decide(req, action, req->model, &call, &req->decision);
}

bool authorize_may_use(struct request *req, const struct model *model)
{
	struct catalog_call call = {
		.has_call = true,
		.purpose = STR(""),
		.upstream_region =
			str_is_set(model->options.region) ? model->options.region : STR(""),
	};
	struct policy_decision decision;

	fill_base(req, &call);
	if (decide(req, ACTION_INVOKE, model, &call, &decision) == OK && decision.is_allowed)
		return true;
	return decide(req, ACTION_EMBED, model, &call, &decision) == OK && decision.is_allowed;
}
