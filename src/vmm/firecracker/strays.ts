/** Whether these words start a VM's Firecracker: by its id, and the socket that follows, behind what a jailer puts between. */
export function isFirecrackerOf(vmId: string): (words: readonly string[]) => boolean {
  return (words) => {
    const at = words.indexOf("--id");
    return at !== -1 && words[at + 1] === vmId && words.indexOf("--api-sock") > at;
  };
}
