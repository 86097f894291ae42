/** Which channels an alert's events are sent to. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { channelsQuery } from "../../lib/notifications";

export function ChannelChoice({ chosen, choose, error }: { chosen: readonly string[]; choose: (channels: readonly string[]) => void; error: string | undefined }) {
  const channels = useQuery(channelsQuery).data?.data ?? [];
  return (
    <fieldset>
      <legend className="mb-1 font-medium">Sent to</legend>
      <p className="text-xs text-muted">
        The inbox, always{channels.length > 0 ? ", and:" : ". "}
        {channels.length === 0 && (
          <Link to="/notifications" className="text-accent">
            Add a channel
          </Link>
        )}
      </p>
      {channels.map(({ id, name, state }) => (
        <label key={id} className="flex items-center gap-2">
          <input
            type="checkbox"
            checked={chosen.includes(id)}
            onChange={(event) => choose(event.target.checked ? [...chosen, id] : chosen.filter((one) => one !== id))}
          />
          {name}
          {state !== "active" && <span className="text-xs text-warn">{state}</span>}
        </label>
      ))}
      {error !== undefined && <p className="text-xs text-down">{error}</p>}
    </fieldset>
  );
}
