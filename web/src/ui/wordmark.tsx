/** The name of the house. */
export function Wordmark() {
  return (
    <span className="inline-flex items-center gap-2 text-base font-semibold" translate="no">
      <svg aria-hidden viewBox="0 0 32 32" className="size-6">
        <rect width="32" height="32" rx="8" className="fill-accent" />
        <path
          d="M8 12.5a2.5 2.5 0 0 1 2.5-2.5h11a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-2.5 2.5H15l-4 3.5V20h-.5A2.5 2.5 0 0 1 8 17.5z"
          className="fill-on-accent"
        />
      </svg>
      Desk
    </span>
  );
}
