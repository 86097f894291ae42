import { useState } from "react";
import { api, change } from "../lib/api/client";
import { Button, Empty, Failure } from "./ui";

/** For a user whose address is not verified yet. */
export function Unverified({ email, what = "your portfolios" }: { email: string; what?: string }) {
  const [isSent, setSent] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const again = async () => {
    setError(null);
    try {
      await change(() => api.POST("/api/v1/auth/resend-verification"));
      setSent(true);
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Empty>
      <p>To see {what}, verify your address: open the link in the email to {email}, then load this page again.</p>
      <p className="mt-2" role="status">
        {isSent ? "Another email is on its way." : <Button onClick={again}>Send it again</Button>}
      </p>
      {error !== null && <Failure error={error} />}
    </Empty>
  );
}
