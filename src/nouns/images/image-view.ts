import { viewImage, type Image, type ImageView } from "../../model/image.ts";
import type { ImageContext } from "./image-context.ts";
import { troubleWithFiles } from "./register/user-files.ts";

/** An image with what is to be said of it today. */
export async function viewOf({ agent }: Pick<ImageContext, "agent">, image: Image): Promise<ImageView> {
  return viewImage(image, (await agent()).digest, await troubleWithFiles(image));
}
