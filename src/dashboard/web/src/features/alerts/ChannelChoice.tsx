/** Which channels something is sent to. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { channelsQuery } from "../../lib/notifications";

interface Choice {
  readonly chosen: readonly string[];
  readonly choose: (channels: readonly string[]) => void;
}

/** A box for each of the user's channels; a way to the first where there is none. */
export function ChannelChecks({ chosen, choose }: Choice) {
  const channels = useQuery(channelsQuery).data?.data ?? [];
  if (channels.length === 0) {
    return (
      <Link to="/notifications" className="text-xs text-accent">
        Add a channel
      </Link>
    );
  }
  return channels.map(({ id, name, state }) => (
    <label key={id} className="flex items-center gap-2">
      <input
        type="checkbox"
        checked={chosen.includes(id)}
        onChange={(event) => choose(event.target.checked ? [...chosen, id] : chosen.filter((one) => one !== id))}
      />
      {name}
      {state !== "active" && <span className="text-xs text-warn">{state}</span>}
    </label>
  ));
}

export function ChannelChoice({ chosen, choose, error }: Choice & { error: string | undefined }) {
  return (
    <fieldset>
      <legend className="mb-1 font-medium">Sent to</legend>
      <p className="text-xs text-muted">The inbox, always, and:</p>
      <ChannelChecks chosen={chosen} choose={choose} />
      {error !== undefined && <p className="text-xs text-bad">{error}</p>}
    </fieldset>
  );
}
