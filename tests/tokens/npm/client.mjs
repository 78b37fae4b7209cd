// What the official npm client sees of the gateway: prints one JSON object.
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "都江堰是谁修的？" }];
const seen = {};

seen.models = (await client.models.list()).data.map((one) => one.id);
const chat = await client.chat.completions.create({ model: "m", messages, max_tokens: 20 });
seen.chat = [chat.choices[0].message.content, chat.usage.completion_tokens];
const tools = [{ type: "function", function: { name: "find", parameters: { type: "object", properties: {} } } }];
const called = await client.chat.completions.create({ model: "m", messages, max_tokens: 20, tools });
seen.tool = [called.choices[0].message.tool_calls[0].function.name, called.usage.completion_tokens];
let text = "";
let usage = null;
const options = { include_usage: true };
for await (const chunk of await client.chat.completions.create({
  model: "m", messages, max_tokens: 20, stream: true, stream_options: options,
})) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
seen.stream = [text, usage.completion_tokens];
const vectors = await client.embeddings.create({ model: "m", input: ["水", "江"], encoding_format: "float" });
seen.embeddings = vectors.data.length;
const response = await client.responses.create({ model: "m", input: "水", max_output_tokens: 20 });
seen.response = [response.output_text, response.usage.output_tokens];
const kinds = [];
let streamed = 0;
for await (const event of await client.responses.create({ model: "m", input: "水", max_output_tokens: 20, stream: true })) {
  kinds.push(event.type);
  streamed = event.response?.usage?.output_tokens ?? streamed;
}
seen.events = [kinds.at(-1), streamed];
try {
  await client.chat.completions.create({ model: "other", messages });
} catch (error) {
  seen.refused = [error.status, error.code];
}
console.log(JSON.stringify(seen));
