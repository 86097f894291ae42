// Shows what is pushed while no page is open, and opens what it is about. It caches nothing and answers no request of a page.
self.addEventListener("push", (event) => {
  let message = {};
  try {
    message = event.data?.json() ?? {};
  } catch {
    // Not of this server: that something came is all that can be said.
  }
  event.waitUntil(
    self.registration.showNotification(message.title ?? "Coinsphere", {
      body: message.body ?? "",
      // The same message again replaces itself.
      tag: message.id,
      icon: "/icon.svg",
      data: { link: message.link ?? "/notifications" },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target = new URL(event.notification.data.link, self.location.origin);
  // Whatever address the server is known by elsewhere, its pages are here.
  const address = new URL(target.pathname + target.search, self.location.origin).href;
  const open = async () => {
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = pages.find((one) => new URL(one.url).origin === self.location.origin);
    if (page === undefined) return self.clients.openWindow(address);
    await page.focus();
    return page.navigate(address).catch(() => self.clients.openWindow(address));
  };
  event.waitUntil(open());
});

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
