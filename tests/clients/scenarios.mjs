// One scenario of the `openai` package for Node a run: `node scenarios.mjs NAME BASE_URL ROUTE`.
// Prints one JSON object: what a user of the package would have seen.
import OpenAI from "openai";

const [name, baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "anything", maxRetries: 0, timeout: 15_000 });
const messages = [{ role: "user", content: "What is the weather in Paris and São Paulo?" }];

const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city.",
    parse: JSON.parse,
    function: ({ city }) => `sunny in ${city}`,
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

async function read(stream) {
  const heard = [];
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) heard.push(chunk.choices[0].delta.content);
  }
  return heard;
}

const scenarios = {
  async whole() {
    const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
    const { content } = data.choices[0].message;
    return { content, usage: data.usage, provider: response.headers.get("x-routerd-provider") };
  },

  async stream() {
    const options = { include_usage: true };
    const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: options });
    let last;
    const heard = [];
    for await (const chunk of stream) {
      heard.push(chunk.choices[0]?.delta.content ?? null);
      last = chunk;
    }
    return { heard, usage: last.usage };
  },

  async tools() {
    const called = [];
    const runner = client.chat.completions.runTools({ model, messages, tools: [weather], stream: true });
    runner.on("functionToolCall", ({ name, arguments: given }) => called.push({ name, given }));
    return { called, content: await runner.finalContent(), said: runner.messages.map(({ role }) => role) };
  },

  async models() {
    const page = await client.models.list();
    return { ids: page.data.map(({ id }) => id), one: (await client.models.retrieve(model)).id };
  },

  async failing() {
    const heard = [];
    try {
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) heard.push(chunk.choices[0]?.delta.content ?? "");
      return { heard: heard.join("") };
    } catch (error) {
      const { constructor, status, code, type, message, headers } = error;
      const retryAfter = headers?.get("retry-after") ?? null;
      return { heard: heard.join(""), error: constructor.name, status, code, type, message, retryAfter };
    }
  },

  async retried() {
    const patient = client.withOptions({ maxRetries: 1 });
    return { heard: await read(await patient.chat.completions.create({ model, messages, stream: true })) };
  },

  async aborted() {
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const stream = await client.chat.completions.create({ model, messages, stream: true }, options);
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) controller.abort();
    }
    return { aborted: true };
  },
};

console.log(JSON.stringify(await scenarios[name]()));
