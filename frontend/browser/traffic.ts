import type { Routerd } from "./routerd"

/** Ask a route for something over /v1, as a program would; the answer is read to its end. Gives back the request's id. */
export async function ask(routerd: Routerd, model: string, more: { text?: string; stream?: boolean; id?: string; token?: string } = {}): Promise<string> {
  const answer = await fetch(`${routerd.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(more.id && { "X-Request-Id": more.id }),
      ...(more.token && { Authorization: `Bearer ${more.token}` }),
    },
    body: JSON.stringify({ model, stream: more.stream ?? false, messages: [{ role: "user", content: more.text ?? "Where does this go?" }] }),
  })
  await answer.text()
  return answer.headers.get("x-routerd-request-id")!
}
