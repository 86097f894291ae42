/** Web Push: this browser as a channel of notifications. */

import type { Channel } from "./notifications";
import { keep, kept } from "./preferences";

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (address: string) => string }): { createScriptURL(address: string): string };
}

const WORKER = "/sw.js";

/** The address of the worker as the page's policy wants it: no other script may become one. */
function workerAddress(): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  const only = (address: string) => {
    if (address !== WORKER) throw new TypeError(`${address} is not the dashboard's worker`);
    return address;
  };
  return types === undefined ? WORKER : types.createPolicy("worker", { createScriptURL: only }).createScriptURL(WORKER);
}

/** Why this browser cannot be pushed to; null if it can. */
export function whyNot(): string | null {
  if (!window.isSecureContext) return "A browser takes pushed messages over HTTPS alone, or from this machine.";
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return "This browser takes no pushed messages. On an iPhone or iPad, add this page to the home screen first.";
  if (Notification.permission === "denied") return "Notifications of this page are blocked: allow them in the browser’s settings for it.";
  return null;
}

/** base64url as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

export interface PushSettings {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

function settingsOf(subscription: PushSubscription): PushSettings {
  const { endpoint, keys } = subscription.toJSON();
  const { p256dh, auth } = keys ?? {};
  if (endpoint === undefined || p256dh === undefined || auth === undefined) throw new Error("The browser has given no keys for pushed messages");
  return { endpoint, keys: { p256dh, auth } };
}

let registered: Promise<ServiceWorkerRegistration> | null = null;

function worker(): Promise<ServiceWorkerRegistration> {
  // Once: the page's policy may not be made twice.
  registered ??= navigator.serviceWorker.register(workerAddress()).then(() => navigator.serviceWorker.ready);
  return registered;
}

/** Asks the person, then the browser's push service, for a subscription to messages that this key signs. */
export async function subscribe(key: string): Promise<PushSettings> {
  if ((await Notification.requestPermission()) !== "granted") throw new Error("Notifications were not allowed, so this device cannot be a channel");
  const { pushManager } = await worker();
  try {
    // One for another key, of another server at this address, is in the way.
    await (await pushManager.getSubscription())?.unsubscribe();
    return settingsOf(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) }));
  } catch (error) {
    throw new Error(`The browser’s push service gave no subscription (${error instanceof Error ? error.message : String(error)}): check the connection, then try again`);
  }
}

const PLACE = "push-channel";

/** Remembers which channel this browser is. */
export function rememberDevice(channel: Pick<Channel, "id">, { endpoint }: PushSettings): void {
  keep(PLACE, `${channel.id} ${endpoint}`);
}

/** Whether a channel is this browser. */
export function isThisDevice(channel: Channel): boolean {
  return kept(PLACE)?.split(" ")[0] === channel.id;
}

/** The settings of this browser's channel, where its push service has given it others since; else null. */
export async function movedTo(): Promise<PushSettings | null> {
  const [id, endpoint] = (kept(PLACE) ?? "").split(" ");
  if (!id || whyNot() !== null) return null;
  const subscription = await (await worker()).pushManager.getSubscription();
  return subscription === null || subscription.endpoint === endpoint ? null : settingsOf(subscription);
}
