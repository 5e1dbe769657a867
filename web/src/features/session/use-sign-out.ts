import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { signOut } from "./session.ts";

/** Ends the session, and the page with all that it showed, had begun or was about to do. */
export function useSignOut() {
  const navigate = useNavigate();
  return useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      await navigate({ to: "/sign-in" });
      // A page that is only left may be kept by the browser, for the way back; one that is loaded anew is gone.
      location.reload();
    },
  });
}
