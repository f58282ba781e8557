import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { once } from "node:events"

/** A provider on loopback that speaks OpenAI's API, and says the same to everybody. */
export class Upstream {
  readonly models: string[]
  /** The key of every request that came, with its path. */
  readonly asked: { path: string; key: string; body: Record<string, unknown> }[] = []
  /** What every request is answered with, when it is no 200. */
  status = 200

  private constructor(
    private readonly server: Server,
    models: string[],
  ) {
    this.models = models
  }

  static async start(models = ["fable-1", "text-embedding-1"]): Promise<Upstream> {
    const server = createServer()
    const upstream = new Upstream(server, models)
    server.on("request", (request, response) => void upstream.answer(request, response))
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    return upstream
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, "close")
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await text(request)) || "{}") as Record<string, unknown>
    const key = request.headers.authorization?.replace("Bearer ", "") ?? ""
    this.asked.push({ path: request.url ?? "", key, body })
    if (this.status !== 200) return json(response, this.status, { error: { message: "scripted", type: "server_error" } })
    if (request.url === "/v1/models") return json(response, 200, { object: "list", data: this.models.map((id) => ({ id, object: "model" })) })
    if (request.url !== "/v1/chat/completions") return json(response, 404, { error: { message: "no such path" } })
    return body.stream ? stream(response, String(body.model)) : json(response, 200, whole(String(body.model)))
  }
}

const SAID = ["Once ", "upon ", "a ", "time."]
const USAGE = { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 }

function whole(model: string): unknown {
  const message = { role: "assistant", content: SAID.join("") }
  return { id: "chatcmpl-1", object: "chat.completion", created: 1, model, choices: [{ index: 0, message, finish_reason: "stop" }], usage: USAGE }
}

function stream(response: ServerResponse, model: string): void {
  const chunk = (delta: unknown, finish_reason: string | null = null) => ({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model,
    choices: [{ index: 0, delta, finish_reason }],
  })
  const chunks = [chunk({ role: "assistant", content: "" }), ...SAID.map((content) => chunk({ content })), chunk({}, "stop"), { ...chunk({}), choices: [], usage: USAGE }]
  response.writeHead(200, { "content-type": "text/event-stream" })
  for (const each of chunks) response.write(`data: ${JSON.stringify(each)}\n\n`)
  response.end("data: [DONE]\n\n")
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
