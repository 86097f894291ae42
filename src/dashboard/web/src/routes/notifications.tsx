/** The inbox, and the channels by which what comes into it is sent. */

import { Verified } from "../components/Verified";
import { Channels } from "../features/notifications/Channels";
import { Inbox } from "../features/notifications/Inbox";

export function Notifications() {
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>Notifications · Coinsphere</title>
      <h1>Notifications</h1>
      <Verified to="/notifications" what="your notifications">
        {() => (
          <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
            <Inbox />
            <Channels />
          </div>
        )}
      </Verified>
    </div>
  );
}
