import { useRef, useState } from "react";

/**
 * A stranger's page: no script runs in it, it cannot navigate us, and its own policy loads nothing.
 *
 * `allow-same-origin` without `allow-scripts` lets this page read the height of what it shows, and nothing else.
 */
export function SafeFrame({ html, title }: { html: string; title: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(60);
  const measure = () => {
    const body = frame.current?.contentDocument?.documentElement;
    if (body) setHeight(Math.min(body.scrollHeight + 4, 20_000));
  };
  return (
    <iframe
      ref={frame}
      title={title}
      srcDoc={html}
      sandbox="allow-same-origin"
      referrerPolicy="no-referrer"
      onLoad={measure}
      style={{ width: "100%", height, border: 0, display: "block" }}
    />
  );
}
