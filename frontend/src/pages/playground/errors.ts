import type { ReplyError } from "./reply"

/** What to do about each error, by its code. */
const CURES: Record<string, string> = {
  model_not_found: "Choose another model, or add a route that answers to this one.",
  invalid_api_key: "This routerd asks callers for a key: log in with the admin token, or enter a client's key in the settings.",
  origin_not_allowed: "Without a key only pages of routerd itself may ask: enter a client's key in the settings.",
  route_not_allowed: "This client may not use the route: give it the route on the Clients page, or choose another.",
  provider_auth: "The provider refused the key that routerd has for it: test the provider, and enter a new key.",
  rate_limit_exceeded: "Every target is busy. Try again in a moment.",
  upstream_rate_limited: "The provider asks for patience. Try again in a moment, or add a node of another provider.",
  insufficient_quota: "The provider's account has nothing left: top it up, or add a node of another provider.",
  overloaded: "The provider can't answer now. A second node in the route would have been tried next.",
  timeout: "The provider took too long. Its `timeouts` may be too short, or it is overloaded.",
  unreachable: "routerd can't connect to the provider: check its address, and test it on its page.",
  bad_reply: "The provider said something that is no reply. Its `adapter` may be the wrong one.",
  no_target: "Every node of the route is inactive, overridden or unusable. The picture of the route says why.",
  context_length_exceeded: "The conversation is too long for this model: clear it, or choose a model with more room.",
  internal: "Something went wrong in routerd itself. Its log has more under the request id.",
  disconnected: "The connection broke off before the reply was whole.",
}

export function cureOf(error: ReplyError): string {
  return CURES[error.code] ?? ""
}
