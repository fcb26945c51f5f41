// What a body of chat.postMessage may hold, by Slack's own types. check.mjs makes a JSON schema of it.
import type { KnownBlock, MessageMetadata } from '@slack/types';

export interface Post {
  channel: string;
  text: string;
  blocks?: KnownBlock[];
  // Slack's types have no lists of texts in a payload; its documentation and its servers take them. They are looked at in check.mjs.
  metadata?: Omit<MessageMetadata, 'event_payload'> & { event_payload: { change_ids: string[] } };
  thread_ts?: string;
  reply_broadcast?: boolean;
  unfurl_links?: boolean;
  unfurl_media?: boolean;
}
