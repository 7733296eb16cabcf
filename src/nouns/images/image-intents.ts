import { intentKind, onwardIntentKind } from "../../core/intents.ts";

/** An image that is pulled, built or registered, until it has its row. */
export const IMAGE_ADD = intentKind("image.add");
export const IMAGE_REFRESH = intentKind("image.refresh");
export const IMAGE_DELETE = onwardIntentKind("image.delete");
/** The row says whether it came to pass. */
export const IMAGE_PROMOTE = intentKind("image.promote");
