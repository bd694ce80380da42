// SPDX-License-Identifier: GPL-2.0-or-later
/* The decision: a pure function of flow, source, configuration and exceptions. */
#include "policy/decision.h"
#include "policy/config.h"
#include "policy/defaults.h"
#include "policy/exceptions.h"
#include "policy/steps.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define PORT_DNS	   53
#define PORT_DHCP_SERVER   67  /* RFC 2131, 4.1 */
#define PORT_DHCPV6_SERVER 547 /* RFC 8415, 7.2 */

static const struct in6_addr limited_broadcast = {
	.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 255, [13] = 255, [14] = 255, [15] = 255}};
static const struct in6_addr all_dhcp_agents = {
	.s6_addr = {0xff, 0x02, [13] = 1, [15] = 2}}; /* ff02::1:2, RFC 8415, 7.1 */

/* The first address of a "nameserver ADDRESS" line; a zone such as %eth0 is left off. */
static bool parse_nameserver(const char *line, struct in6_addr *address)
{
	static const char word[] = "nameserver";
	char text[INET6_ADDRSTRLEN];
	size_t length;

	if (strncmp(line, word, strlen(word)))
		return false;
	line += strlen(word);
	if (*line != ' ' && *line != '\t')
		return false;
	line += strspn(line, " \t");
	length = strcspn(line, " \t\r\n%");
	if (length >= sizeof(text))
		return false;
	memcpy(text, line, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, address) == 1)
		return true;
	*address = address_any_four;
	return inet_pton(AF_INET, text, &address->s6_addr[12]) == 1;
}

int resolvers_read(const char *path, struct resolvers *resolvers)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[256];

	resolvers->count = 0;
	if (!file)
		return -errno;
	while (resolvers->count < RESOLVERS_MAX && fgets(line, sizeof(line), file))
		if (parse_nameserver(line, &resolvers->address[resolvers->count]))
			resolvers->count++;
	if (!ferror(file))
		return 0;
	resolvers->count = 0;
	return -EIO;
}

static bool is_on_loopback(const struct source *source)
{
	switch (source->route) {
	case ROUTE_LOCAL:
	case ROUTE_USER_NET:
	case ROUTE_HOST_NET:
		return true;
	default:
		return false;
	}
}

static bool is_martian(const struct flow *flow, const struct source *source)
{
	return source->route == ROUTE_MARTIAN ||
	       (!is_on_loopback(source) && flow_is_martian_target(flow));
}

static bool is_to(const struct flow *flow, const struct in6_addr *address)
{
	return IN6_ARE_ADDR_EQUAL(&flow->service, address);
}

static bool is_dhcp(const struct flow *flow, const struct source *source)
{
	if (flow->protocol != IPPROTO_UDP)
		return false;
	if (flow->family == AF_INET)
		return flow->service_port == PORT_DHCP_SERVER &&
		       (source->own_gateway || is_to(flow, &limited_broadcast));
	return flow->service_port == PORT_DHCPV6_SERVER &&
	       (source->own_gateway || is_to(flow, &all_dhcp_agents));
}

static bool is_dns(const struct flow *flow)
{
	return flow->service_port == PORT_DNS &&
	       (flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP);
}

static bool is_ping(const struct flow *flow)
{
	if (flow->family == AF_INET)
		return flow->protocol == IPPROTO_ICMP && flow->icmp_type == ICMP_ECHO;
	return flow->protocol == IPPROTO_ICMPV6 && flow->icmp_type == ICMP6_ECHO_REQUEST;
}

/* Solicitations and advertisements of neighbours, solicitations of routers (RFC 4861), but no
 * router advertisement or redirect: no guest is the host's router. */
static bool is_neighbour_discovery(const struct flow *flow, const struct source *source)
{
	if (flow->family != AF_INET6 || flow->protocol != IPPROTO_ICMPV6)
		return false;
	if (flow->icmp_type != ND_ROUTER_SOLICIT && flow->icmp_type != ND_NEIGHBOR_SOLICIT &&
	    flow->icmp_type != ND_NEIGHBOR_ADVERT)
		return false;
	return source->own_gateway || IN6_IS_ADDR_MC_LINKLOCAL(&flow->service);
}

/* Return: the line of the configuration that lets this through as infrastructure, or NULL. */
static const char *gateway_rule(const struct config *config, const struct flow *flow,
				const struct source *source)
{
	if (config->dhcp && is_dhcp(flow, source))
		return "infrastructure: dhcp";
	if (config->dns && source->own_gateway && is_dns(flow))
		return "infrastructure: dns";
	if (config->ping && source->own_gateway && is_ping(flow))
		return "infrastructure: ping";
	if (config->neighbour_discovery && is_neighbour_discovery(flow, source))
		return "infrastructure: neighbour-discovery";
	return NULL;
}

static const char *resolver_rule(const struct policy *policy, const struct flow *flow,
				 const struct source *source)
{
	if (!policy->config->resolver || source->class != SOURCE_GUEST ||
	    (source->route != ROUTE_USER_NET && source->route != ROUTE_HOST_NET) || !is_dns(flow))
		return NULL;
	for (size_t i = 0; i < policy->resolvers->count; i++)
		if (is_to(flow, &policy->resolvers->address[i]))
			return "infrastructure: resolver";
	return NULL;
}

static const char *infrastructure_rule(const struct policy *policy, const struct flow *flow,
				       const struct source *source)
{
	if (source->class != SOURCE_GUEST && source->class != SOURCE_UNKNOWN)
		return NULL;
	if (is_on_loopback(source))
		return resolver_rule(policy, flow, source);
	return gateway_rule(policy->config, flow, source);
}

/* The steps. Each is asked in turn; the first that has an answer decides. */

/**
 * struct question - what a step is asked
 * @exception: the one that decides for this connection, NULL: none does
 */
struct question {
	const struct policy *policy;
	const struct flow *flow;
	const struct source *source;
	const struct exception *exception;
};

static bool answer(struct decision *decision, enum verdict verdict, uint32_t exception,
		   const char *rule)
{
	decision->verdict = verdict;
	decision->exception = exception;
	decision->rule = rule;
	return true;
}

static bool step_host(const struct question *question, struct decision *decision)
{
	return question->source->class == SOURCE_HOST &&
	       answer(decision, VERDICT_ACCEPT, 0, "a host process");
}

static bool step_martian(const struct question *question, struct decision *decision)
{
	return is_martian(question->flow, question->source) &&
	       answer(decision, question->policy->config->refusal, 0,
		      "127.0.0.0/8 and ::1 are for the host alone");
}

static bool step_deny(const struct question *question, struct decision *decision)
{
	const struct exception *exception = question->exception;

	return exception && !exception->allow &&
	       answer(decision, question->policy->config->refusal, exception->id,
		      "an exception that denies");
}

static bool step_allow(const struct question *question, struct decision *decision)
{
	const struct exception *exception = question->exception;

	if (!exception || !exception->allow)
		return false;
	decision->once = exception->once;
	return answer(decision, VERDICT_ACCEPT, exception->id,
		      exception->once ? "an exception that allows once"
				      : "an exception that allows");
}

static bool step_own_service(const struct question *question, struct decision *decision)
{
	return question->source->own_service &&
	       answer(decision, VERDICT_ACCEPT, 0, "the guest's own service");
}

static bool step_infrastructure(const struct question *question, struct decision *decision)
{
	const char *rule = infrastructure_rule(question->policy, question->flow, question->source);

	return rule && answer(decision, VERDICT_ACCEPT, 0, rule);
}

static bool step_default(const struct question *question, struct decision *decision)
{
	const struct config *config = question->policy->config;
	const struct config_default *fallback = defaults_find(config, question->source);

	return answer(decision, fallback->allow ? VERDICT_ACCEPT : config->refusal, 0,
		      fallback->rule);
}

/* In the order of decision_steps[]. */
static bool (*const steps[DECISION_STEPS])(const struct question *question,
					   struct decision *decision) = {
	step_host,	  step_martian,	       step_deny,    step_allow,
	step_own_service, step_infrastructure, step_default,
};

void decide(const struct policy *policy, const struct flow *flow, const struct source *source,
	    uint64_t now_us, struct decision *decision)
{
	struct question question = {policy, flow, source, NULL};

	memset(decision, 0, sizeof(*decision));
	/* Where a step before them decides, no look-up is made for the exceptions. */
	if (policy->exceptions && source->class != SOURCE_HOST && !is_martian(flow, source))
		question.exception = exceptions_match(policy->exceptions, flow, source, now_us);
	for (size_t i = 0; i < DECISION_STEPS; i++)
		if (steps[i](&question, decision)) {
			decision->reason = decision_steps[i].reason;
			return;
		}
}
