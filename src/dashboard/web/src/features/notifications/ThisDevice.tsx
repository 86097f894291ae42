/** This browser as a channel: asked for only by who chose it. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Button, Failure } from "../../components/ui";
import { deviceOf } from "../../lib/agent";
import { api, change } from "../../lib/api/client";
import { type Channel, channelsQuery } from "../../lib/notifications";
import { isThisDevice, movedTo, type PushSettings, rememberDevice, subscribe, whyNot } from "../../lib/push";
import { useSending } from "../../lib/sending";

const asSettings = (settings: PushSettings) => settings as unknown as Record<string, never>;

/** A name that no channel has yet. */
function freeName(channels: readonly Channel[]): string {
  const base = deviceOf(navigator.userAgent);
  const isFree = (name: string) => channels.every((channel) => channel.name !== name);
  const others = channels.map((_, at) => `${base} ${at + 2}`);
  return [base, ...others].find(isFree) ?? base;
}

export function ThisDevice({ channels, pushKey }: { channels: readonly Channel[]; pushKey: string }) {
  const queries = useQueryClient();
  const sending = useSending();
  const [reason, setReason] = useState(whyNot);
  const own = channels.find(isThisDevice);
  const again = () => queries.invalidateQueries({ queryKey: channelsQuery.queryKey });

  // Push services give a browser another address now and then.
  const id = own?.id;
  useEffect(() => {
    if (id === undefined) return;
    let isGone = false;
    const follow = async () => {
      const settings = await movedTo();
      if (settings === null || isGone) return;
      const channel = await change(() => api.PATCH("/api/v1/notification-channels/{id}", { params: { path: { id } }, body: { settings: asSettings(settings) } }));
      rememberDevice(channel, settings);
      await queries.invalidateQueries({ queryKey: channelsQuery.queryKey });
    };
    // The channel's state says it if messages do not arrive.
    follow().catch(() => {});
    return () => {
      isGone = true;
    };
  }, [id, queries]);

  const add = () =>
    void sending.send(async (key) => {
      const settings = await subscribe(pushKey).finally(() => setReason(whyNot()));
      const body = { kind: "web_push", name: freeName(channels), settings: asSettings(settings) };
      const channel = await change(() => api.POST("/api/v1/notification-channels", { body, params: { header: { "Idempotency-Key": key } } }));
      rememberDevice(channel, settings);
      await again();
      // Its code verifies the channel.
      await change(() => api.POST("/api/v1/notification-channels/{id}/test", { params: { path: { id: channel.id } } }));
      await again();
    });
  if (own !== undefined) return null;
  return (
    <div className="mb-3 rounded-md bg-panel p-3">
      {reason === null ? (
        <>
          <p className="mb-2">What fires can show on this device while no page is open.</p>
          <Button disabled={sending.isBusy} onClick={add}>
            Use this device
          </Button>
        </>
      ) : (
        <p className="text-xs text-muted">{reason}</p>
      )}
      {sending.error !== null && <Failure error={sending.error} />}
    </div>
  );
}
