import { hasDesktop, isOn } from "./settings.ts";

interface Alert {
  id: string;
  title: string;
  body: string;
  onOpen: () => void;
}

/** Says it outside the window, if that is switched on and nobody looks at the window. */
export function alertOutside({ id, title, body, onOpen }: Alert): void {
  if (!hasDesktop || !document.hidden || !isOn("desktop") || Notification.permission !== "granted") {
    return;
  }
  // One for each, in however many windows the desk is open.
  const shown = new Notification(title, { body, tag: id, icon: "/favicon.svg" });
  shown.onclick = () => {
    window.focus();
    shown.close();
    onOpen();
  };
}

let audio: AudioContext | null = null;

/** Two soft tones, if sound is switched on. */
export function chime(): void {
  if (!isOn("sound")) {
    return;
  }
  audio ??= new AudioContext();
  const start = audio.currentTime;
  for (const [index, pitch] of [659, 880].entries()) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const at = start + index * 0.12;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.08, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.4);
  }
}
