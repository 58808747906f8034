// The page's own endpoints. Every refusal becomes a toast and an exception with Slack's error code.
import { toast } from "./dom.js";

const WORDS = {
  not_in_channel: "You are not a member of this channel.",
  channel_not_found: "This conversation does not exist or you cannot see it.",
  unknown_command: "The app has no such command.",
  thread_not_found: "This thread does not exist any more.",
  message_not_found: "This message does not exist any more.",
  action_not_found: "This button is no longer there.",
};

async function request(path, options) {
  let response;
  try {
    response = await fetch(`/_page/${path}`, options);
  } catch (error) {
    toast("The sandbox cannot be reached. Is it still running?");
    throw error;
  }
  const body = await response.json();
  if (!body.ok) {
    toast(WORDS[body.error] ?? `That did not work: ${body.error}`);
    throw new Error(body.error);
  }
  return body;
}

export const get = (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value);
  return request(`${path}?${new URLSearchParams(given)}`);
};

export const post = (path, body) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
