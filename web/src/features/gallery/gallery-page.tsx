import { Inbox, Send, Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Avatar } from "@/ui/avatar.tsx";
import { Badge, type Tone } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Kbd } from "@/ui/kbd.tsx";
import { Notice } from "@/ui/notice.tsx";
import { PageMain } from "@/ui/page.tsx";
import { Popover, Sheet } from "@/ui/popover.tsx";
import { Select } from "@/ui/select.tsx";
import { Switch } from "@/ui/switch.tsx";
import { Table } from "@/ui/table.tsx";
import { Swatches } from "./swatches.tsx";

const LOOKS = ["primary", "note", "plain", "danger", "quiet"] as const;
const TONES: Tone[] = ["neutral", "accent", "note", "good", "warn", "bad"];
const SIZES = ["text-xs", "text-sm", "text-base", "text-lg"] as const;
const CHOICES = ["Inter", "हिन्दी", "বাংলা", "العربية"].map((label) => ({ id: label, label }));

/** Every part of `ui/` on one page, for those who build with them; what is shown is names and samples, not texts. */
export default function GalleryPage() {
  const [choice, setChoice] = useState(CHOICES[0]?.id ?? "");
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    document.title = "ui/ · Desk";
  }, []);
  return (
    <PageMain>
      <div translate="no" lang="en" className="flex flex-col gap-8">
        <h2 className="text-lg font-semibold">ui/</h2>
        <Part name="tokens.css">
          <Swatches />
        </Part>
        <Part name="text">
          <div className="flex flex-col gap-1">
            {SIZES.map((size) => (
              <p key={size} className={size}>
                {size} · Ticket · टिकट · টিকিট · <bdi>تذكرة</bdi> · 0123456789
              </p>
            ))}
          </div>
        </Part>
        <Part name="button">
          {LOOKS.map((look) => (
            <Button key={look} look={look}>
              <Send aria-hidden className="size-4 rtl:-scale-x-100" />
              {look}
            </Button>
          ))}
          <Button disabled>disabled</Button>
          <Button size="icon" look="quiet" aria-label="icon">
            <Trash2 aria-hidden className="size-4" />
          </Button>
        </Part>
        <Part name="badge">
          {TONES.map((tone) => (
            <Badge key={tone} tone={tone}>
              {tone}
            </Badge>
          ))}
        </Part>
        <Part name="avatar, kbd">
          {["Asha Rao", "মিতা সেন", "ليلى"].map((name) => (
            <Avatar key={name} name={name} />
          ))}
          <Avatar name="Accent" tone="accent" />
          <Avatar name="Note" tone="note" />
          <Kbd>Ctrl</Kbd>
          <Kbd>K</Kbd>
        </Part>
        <Part name="field, select, switch">
          <div className="grid w-full max-w-160 gap-4 sm:grid-cols-2">
            <Field label="Field" hint="hint" defaultValue="value" />
            <Field label="aria-invalid" aria-invalid defaultValue="value" />
            <ChoiceField label="ChoiceField">
              {CHOICES.map(({ id, label }) => (
                <option key={id}>{label}</option>
              ))}
            </ChoiceField>
            <Select showLabel label="Select" value={choice} choices={CHOICES} onChange={setChoice} />
            <Switch label="Switch" defaultChecked />
            <Switch label="disabled" disabled />
          </div>
        </Part>
        <Part name="popover, sheet">
          <Popover trigger="Popover" title="Popover">
            <p className="text-sm text-ink-soft">children</p>
          </Popover>
          <Button onClick={() => setOpen(true)}>Sheet</Button>
          <Sheet title="Sheet" isOpen={isOpen} onClose={() => setOpen(false)}>
            <Button onClick={() => setOpen(false)}>onClose</Button>
          </Sheet>
        </Part>
        <Part name="table">
          <div className="w-full">
            <Table label="label">
              <thead>
                <tr>
                  <th>th</th>
                  <th>th</th>
                </tr>
              </thead>
              <tbody>
                <tr>
                  <th scope="row">row</th>
                  <td className="tabular-nums">1,234</td>
                </tr>
              </tbody>
            </Table>
          </div>
        </Part>
        <Part name="notice, shimmer">
          <div className="grid w-full gap-4 sm:grid-cols-3">
            <Notice icon={<Inbox aria-hidden className="size-6" />} title="title">
              children
            </Notice>
            <Notice isError title="isError" onRetry={() => undefined} />
            <div className="shimmer h-14" />
          </div>
        </Part>
      </div>
    </PageMain>
  );
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section aria-label={name} className="flex flex-col gap-3">
      <h3 className="text-sm font-medium text-ink-soft">{name}</h3>
      <div className="flex flex-wrap items-center gap-3 rounded-md border border-line bg-surface p-4">{children}</div>
    </section>
  );
}
