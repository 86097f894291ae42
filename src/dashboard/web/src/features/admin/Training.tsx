/** Training of models, for admins: which serve stands with the forecasts. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button, Failure, Select } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { modelsQuery } from "../../lib/forecasts";
import { useSending } from "../../lib/sending";

export function Training() {
  const models = useQuery(modelsQuery).data?.data ?? [];
  const series = [...new Set(models.map(({ token, interval }) => `${token} ${interval}`))];
  const [chosen, setChosen] = useState("");
  const [queued, setQueued] = useState<number | null>(null);
  const sending = useSending();
  const train = () => {
    const [token = "", interval = ""] = chosen.split(" ");
    const body = chosen === "" ? null : { token, interval };
    void sending.send(async () => setQueued((await change(() => api.POST("/api/v1/models/train", { body }))).queued.length));
  };
  return (
    <div className="grid max-w-md gap-3">
      <p>
        A new version serves only if it beats the one that does now. <Link to="/forecasts" className="text-accent">Which serve, and their skill</Link>
      </p>
      <Select label="Models" value={chosen} onChange={(event) => setChosen(event.target.value)}>
        <option value="">all</option>
        {series.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </Select>
      {sending.error !== null && <Failure error={sending.error} />}
      <div>
        <Button kind="primary" disabled={sending.isBusy} onClick={train}>
          Train
        </Button>
      </div>
      <p role="status">{queued !== null && `${queued === 1 ? "1 training is" : `${queued} trainings are`} queued.`}</p>
    </div>
  );
}
