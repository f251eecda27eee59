import type { SignInLink } from "@/api/types";
import { fullTime } from "@/lib/time";
import { SecretDialog } from "./SecretDialog";

interface Props {
  link: SignInLink | undefined;
  person: string;
  /** What the link does. */
  kind?: "sign-in" | "password";
  onClose: () => void;
}

/** Show a one-time link for somebody, which is not shown again. */
export function SignInLinkDialog({ link, person, kind = "sign-in", onClose }: Props) {
  const title = kind === "sign-in" ? `Sign-in link for ${person}` : `Password link for ${person}`;
  return (
    <SecretDialog title={title} label="Link" secret={link?.url} onClose={onClose}>
      {link && (
        <>
          Give this link to {person}, over a channel that only they read.{" "}
          {kind === "password" && "They set a new password with it, which signs them out everywhere else. "}
          It works once, until {fullTime(new Date(link.expires_at))}, and is not shown again.
        </>
      )}
    </SecretDialog>
  );
}
