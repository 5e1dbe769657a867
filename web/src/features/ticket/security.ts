import type { Message } from "@/lib/api/types.ts";
import type { Tone } from "@/ui/badge.tsx";

export type Security = NonNullable<Message["security"]>;
export type Signature = NonNullable<Security["signature"]>;

/** What came of a mail that was signed or encrypted, as it is said. */
export interface Verdict {
  /** `none`: what was decrypted is not signed, so it may be from anybody. */
  signature: Signature | "none" | null;
  encryption: "decrypted" | "closed" | null;
  /** Customers do not see it: only a valid signature proves that what was decrypted is by who sent it. */
  isWithheld: boolean;
  tone: Tone;
}

const TONES: Record<Signature, Tone> = {
  valid: "good",
  altered: "bad",
  wrong_address: "bad",
  expired: "warn",
  unknown_key: "warn",
  partial: "warn",
  unchecked: "warn",
};

export function verdictOf({ signature, encrypted, decrypted }: Security): Verdict {
  const encryption = decrypted ? "decrypted" : encrypted ? "closed" : null;
  return {
    signature: signature ?? (decrypted ? "none" : null),
    encryption,
    isWithheld: decrypted && signature !== "valid",
    tone: signature ? TONES[signature] : "warn",
  };
}
