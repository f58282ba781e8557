/** What a kind of error means for people: a few words for a list, and what to do about it. */
export interface Kind {
  words: string
  cure: string
}

/** The kinds of `routerd/errors.py`, and `cancelled`. */
export const KINDS: Readonly<Record<string, Kind>> = {
  invalid_request: { words: "Not a valid request", cure: "Correct the field that the message names." },
  context_length: { words: "Too long for the model", cure: "Shorten the conversation, or choose a model with a larger context." },
  unauthorized: { words: "Wrong or missing key", cure: "Send the key of a client. The page Clients makes one." },
  forbidden: { words: "Route not allowed", cure: "Add the route to the client's routes, or ask for one that it may use." },
  not_found: { words: "No such path", cure: "Check the path." },
  unknown_model: { words: "Unknown model", cure: "Ask for the name of a route, or for PROVIDER/MODEL." },
  method_not_allowed: { words: "Wrong method", cure: "Use the method that the path takes." },
  request_timeout: { words: "The request came too slowly", cure: "Send the request faster." },
  too_large: { words: "Too large", cure: "Send less, or raise server.max_body." },
  unsupported_media: { words: "Not JSON", cure: "Send plain application/json, not compressed." },
  head_too_large: { words: "Headers too large", cure: "Send fewer or shorter headers." },
  rate_limited: { words: "Over our own limit", cure: "Wait, or raise the limit." },
  upstream_rejected: { words: "Rejected by the provider", cure: "The provider refused the request itself: its message says why." },
  upstream_credentials: { words: "The provider refused its key", cure: "Correct the provider's key." },
  upstream_rate_limited: { words: "Rate limit of the provider", cure: "Wait, or add another target to the route." },
  upstream_exhausted: { words: "The account is empty, or has no such model", cure: "Top up the provider's account, or correct the model's name." },
  upstream_overloaded: { words: "The provider failed", cure: "Try again, or add another target to the route." },
  upstream_timeout: { words: "The provider took too long", cure: "Raise the timeout, or add another target to the route." },
  upstream_unreachable: { words: "The provider can't be reached", cure: "Check the provider's base URL and the network." },
  upstream_garbled: { words: "The reply makes no sense", cure: "Check that the base URL speaks the provider's format." },
  no_target: { words: "No target is left", cure: "Activate or repair one of the route's providers." },
  shutting_down: { words: "routerd was stopped meanwhile", cure: "Send it again." },
  internal: { words: "A fault of routerd", cure: "Report it, with the id of the request." },
  cancelled: { words: "The caller left", cure: "" },
}

export function kindOf(name: string): Kind {
  return KINDS[name] ?? { words: name.replaceAll("_", " "), cure: "" }
}
