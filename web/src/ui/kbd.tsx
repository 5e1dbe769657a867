/** A key as it is printed on a keyboard. */
export function Kbd({ children }: { children: string }) {
  return (
    <kbd className="inline-grid h-5 min-w-5 place-items-center rounded-sm border border-line bg-canvas px-1 font-sans text-xs text-ink-soft">
      {children}
    </kbd>
  );
}
