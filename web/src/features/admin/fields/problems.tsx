/** What the server says about an entry, below it. */
export function Problems({ of }: { of: ReadonlyMap<string, string> }) {
  return (
    <div role="alert" className="basis-full text-xs text-bad empty:hidden">
      {[...of].map(([part, text]) => (
        <p key={part} dir="auto">
          {text}
        </p>
      ))}
    </div>
  );
}
