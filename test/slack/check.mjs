// Holds message bodies against Slack's own types and documented limits, and has Slack's own client post and read them.
//
//   node check.mjs BODIES TOKEN SIM_API EMULATE_API
//
// BODIES: lines of {"kind", "body"}. TOKEN: of the bot. SIM_API, EMULATE_API: addresses that end in /api/, of the simulator and of npm's emulate.
// Prints a line for each kind; exits 1 where anything is refused, too long, or not read back as it was posted.
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';
import { WebClient } from '@slack/web-api';

const [bodiesPath, token, simApi, emulateApi] = process.argv.slice(2);
const BLOCKS_TEXT = 11000; // of all blocks together: larger ones were refused (msg_blocks_too_long)
const TEXT = 4000; // of `text`: Slack cuts longer ones at 40,000, and recommends this
const failures = [];

const schema = createGenerator({ path: 'post.ts', tsconfig: 'tsconfig.json', type: 'Post', skipTypeCheck: true }).createSchema('Post');
const validate = new Ajv({ strict: false, allErrors: false, discriminator: false }).compile(schema);

// ---- limits (docs.slack.dev: block kit, chat.postMessage, message metadata) ----

function* textsOf(value, path = '') {
  if (value && typeof value === 'object') {
    if (typeof value.text === 'string' && ['plain_text', 'mrkdwn'].includes(value.type)) yield [path, value];
    for (const [key, inner] of Object.entries(value)) yield* textsOf(inner, `${path}/${key}`);
  }
}

function limits(body) {
  const at_most = (what, length, most) => assert.ok(length <= most, `${what}: ${length}, at most ${most}`);
  assert.ok(body.text.trim(), 'text is empty: a phone would show nothing');
  at_most('text', body.text.length, TEXT);
  at_most('blocks', (body.blocks ?? []).length, 50);
  let sum = 0;
  for (const [path, text] of textsOf(body.blocks ?? [])) {
    assert.ok(text.text.length >= 1, `${path}: empty`);
    at_most(path, text.text.length, 3000);
    sum += text.text.length;
  }
  at_most('texts of all blocks', sum, BLOCKS_TEXT);
  for (const block of body.blocks ?? []) {
    if (block.type === 'header') at_most('header', block.text.text.length, 150);
    if (block.type === 'section') assert.ok(block.text || block.fields?.length, 'a section without text and fields');
    at_most('fields', (block.fields ?? []).length, 10);
    for (const field of block.fields ?? []) at_most('field', field.text.length, 2000);
    at_most('elements', (block.elements ?? []).length, block.type === 'context' ? 10 : 25);
    at_most('block_id', (block.block_id ?? '').length, 255);
  }
  const ids = body.metadata?.event_payload?.change_ids;
  if (body.metadata) {
    assert.equal(body.metadata.event_type, 'badgewatch_changes');
    assert.ok(ids.length && ids.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)), 'change_ids');
    assert.equal(new Set(ids).size, ids.length, 'a change id stands there twice');
    at_most('metadata', JSON.stringify(body.metadata).length, 15000);
  }
}

// What interactive blocks would have, and names that must differ within a message.
function names(body) {
  const seen = { block_id: new Set(), action_id: new Set() };
  const walk = (value) => {
    if (!value || typeof value !== 'object') return;
    for (const [key, used] of Object.entries(seen)) {
      if (!(key in value)) continue;
      assert.ok(value[key].length <= 255, `${key}: ${value[key].length}, at most 255`);
      assert.ok(!used.has(value[key]), `${key} ${value[key]} stands there twice`);
      used.add(value[key]);
    }
    if (value.type === 'button') {
      assert.ok(value.text.text.length <= 75 && (value.url ?? '').length <= 3000 && (value.value ?? '').length <= 2000, 'a button is too long');
    }
    Object.values(value).forEach(walk);
  };
  walk(body.blocks);
}

// People read "2025-08-13 16:08 UTC" in each message; what programs write to each other stays out of them.
function times(body) {
  for (const text of [body.text, ...[...textsOf(body.blocks ?? [])].map(([, t]) => t.text)]) {
    assert.ok(!/\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text), `a time as programs write it: ${text}`);
  }
}

// Whatever a title holds, nobody is pinged by it, and no link is made of it: all < of mrkdwn are links of ours.
function harmless(body) {
  const written = [body.text, ...[...textsOf(body.blocks ?? [])].filter(([, t]) => t.type === 'mrkdwn').map(([, t]) => t.text)];
  for (const text of written) {
    for (const [all, inner] of text.matchAll(/<([^>]*)>?/g)) {
      assert.match(inner, /^https:\/\/(www\.amazon\.[a-z.]+\/dp\/|keepa\.com\/#!product\/)\S*?(\|[^|]*)?$/, `a link that is not ours: ${all}`);
    }
    assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066\u2067]/.test(text), 'control characters');
    const of = (mark) => text.split(mark).length; // what isolates another script ends where it began
    assert.equal(of('\u2068'), of('\u2069'), 'an isolate without its end');
    assert.ok(text.isWellFormed?.() ?? true, 'half a character');
  }
}

// ---- posting and reading ----

const sim = new WebClient(token, { slackApiUrl: simApi, retryConfig: { retries: 0 } });
const emulate = new WebClient(token, { slackApiUrl: emulateApi, retryConfig: { retries: 0 } });

// Slack gives some emoji back by their names, as does the simulator.
const plain = (value) => JSON.stringify(value ?? null).replace(/:(?=[a-z0-9_+-]*[a-z+-])[a-z0-9_+-]+:|\p{Extended_Pictographic}\ufe0f?/gu, '');

async function readBack(body) {
  const { ts, channel } = await sim.chat.postMessage(body);
  const ask = { channel, oldest: ts, latest: ts, inclusive: true, include_all_metadata: true };
  const found = body.thread_ts && !body.reply_broadcast
    ? await sim.conversations.replies({ ...ask, ts: body.thread_ts })
    : await sim.conversations.history(ask);
  const message = found.messages.find((m) => m.ts === ts);
  assert.ok(message, 'it is not in the history');
  for (const part of ['text', 'blocks', 'metadata']) {
    assert.ok(plain(message[part]) === plain(body[part]), `${part} was read back as ${JSON.stringify(message[part])}`);
  }
}

async function accepted(body) {
  const { thread_ts, reply_broadcast, ...alone } = body; // that thread is not there
  const answer = await emulate.chat.postMessage({ ...alone, channel: 'general' });
  assert.ok(answer.ok && answer.ts);
}

// ---- all of them ----

const lines = readFileSync(bodiesPath, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const kinds = new Map();
const roots = new Map(); // of each channel
for (const { kind, body } of lines) {
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  try {
    const whole = { channel: 'C0DEMO', ...body }; // a webhook has its channel
    assert.ok(validate(whole), `not by Slack's types: ${JSON.stringify(validate.errors?.[0])}`);
    limits(body);
    names(body);
    times(body);
    harmless(body);
    if (whole.thread_ts) {
      if (!roots.has(whole.channel)) roots.set(whole.channel, (await sim.chat.postMessage({ channel: whole.channel, text: 'its first message' })).ts);
      whole.thread_ts = roots.get(whole.channel);
    }
    await readBack(whole);
    await accepted(whole);
  } catch (error) {
    failures.push(`${kind}: ${error.message.slice(0, 500)}\n  ${JSON.stringify(body).slice(0, 500)}`);
  }
}
for (const [kind, n] of kinds) console.log(`${String(n).padStart(5)} ${kind}`);
console.log(`${lines.length} messages of ${kinds.size} kinds, ${failures.length} refused or too long`);
for (const failure of failures.slice(0, 10)) console.log(failure);
process.exit(failures.length ? 1 : 0);
