/** What the pages of notifications and their channels ask for. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./api/client";

export type Channel = Schemas["NotificationChannel"];
export type Notification = Schemas["Notification"];

export const channelsQuery = queryOptions({
  queryKey: ["notification-channels"],
  queryFn: () => unwrap(api.GET("/api/v1/notification-channels")),
});

export function inboxQuery(isUnreadOnly: boolean) {
  return infiniteQueryOptions({
    queryKey: ["notifications", isUnreadOnly],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const query = { limit: 50, ...(isUnreadOnly ? { unread: true } : {}), ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET("/api/v1/notifications", { params: { query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}

/** The alert that a notification is about, if it is about one. */
export function alertOf({ link }: Notification): string | undefined {
  return /^\/alerts\/([\w-]+)$/.exec(link ?? "")?.[1];
}

/** The most unread notifications that are counted. */
export const MOST_COUNTED = 99;

export const unreadQuery = queryOptions({
  queryKey: ["notifications", "unread"],
  queryFn: async () => {
    const page = await unwrap(api.GET("/api/v1/notifications", { params: { query: { unread: true, limit: MOST_COUNTED } } }));
    return page.data.length + (page.next_cursor == null ? 0 : 1);
  },
});

interface Setting {
  readonly name: string;
  readonly label: string;
  readonly isOptional?: boolean;
  readonly isSecret?: boolean;
  readonly usual?: string;
}

export interface KindSpec {
  readonly name: string;
  readonly settings: readonly Setting[];
}

/** The kinds of channels, with the settings of each. */
export const CHANNEL_KINDS: Readonly<Record<string, KindSpec>> = {
  email: { name: "Email", settings: [{ name: "address", label: "Address" }] },
  ntfy: {
    name: "ntfy",
    settings: [
      { name: "server", label: "Server", usual: "https://ntfy.sh" },
      { name: "topic", label: "Topic" },
      { name: "token", label: "Access token", isOptional: true, isSecret: true },
    ],
  },
  telegram: {
    name: "Telegram",
    settings: [
      { name: "token", label: "Token of the bot", isSecret: true },
      { name: "chat_id", label: "Chat id" },
      { name: "server", label: "Server of your own Bot API", isOptional: true },
    ],
  },
  slack: { name: "Slack", settings: [{ name: "url", label: "Address of the webhook", isSecret: true }] },
  discord: { name: "Discord", settings: [{ name: "url", label: "Address of the webhook", isSecret: true }] },
  gotify: {
    name: "Gotify",
    settings: [
      { name: "server", label: "Server" },
      { name: "token", label: "Token of the application", isSecret: true },
    ],
  },
  webhook: { name: "Webhook of your own", settings: [{ name: "url", label: "Address" }] },
  apprise: {
    name: "Apprise",
    settings: [
      { name: "url", label: "Address of a stored configuration (…/notify/KEY)" },
      { name: "tag", label: "Tag", isOptional: true },
    ],
  },
};
