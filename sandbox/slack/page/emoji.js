// The common :shortcodes: and skin-tone-free Unicode for them; an unknown code stays as it is written.
const TABLE = `
+1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 eyes 👀 white_check_mark ✅ heavy_check_mark ✔️ x ❌ warning ⚠️ tada 🎉 rocket 🚀 fire 🔥
heart ❤️ smile 😄 smiley 😃 grin 😁 joy 😂 wink 😉 blush 😊 thinking_face 🤔 thinking 🤔 sob 😭 cry 😢 confused 😕 sweat_smile 😅
slightly_smiling_face 🙂 slightly_frowning_face 🙁 open_mouth 😮 sunglasses 😎 raised_hands 🙌 clap 👏 pray 🙏 wave 👋 muscle 💪
point_right 👉 point_left 👈 point_up ☝️ point_down 👇 ok_hand 👌 bulb 💡 book 📖 books 📚 bookmark 🔖 memo 📝 pencil 📝 page_facing_up 📄
mag 🔍 mag_right 🔎 link 🔗 lock 🔒 unlock 🔓 key 🔑 gear ⚙️ wrench 🔧 hammer 🔨 bug 🐛 ticket 🎫 label 🏷️ pushpin 📌 calendar 📅 clock1 🕐
hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ alarm_clock ⏰ bell 🔔 no_bell 🔕 mailbox 📫 email 📧 speech_balloon 💬 robot_face 🤖
information_source ℹ️ question ❓ grey_question ❔ exclamation ❗ no_entry ⛔ no_entry_sign 🚫 octagonal_sign 🛑 stop_sign 🛑 sos 🆘 new 🆕
arrow_right ➡️ arrow_left ⬅️ arrow_up ⬆️ arrow_down ⬇️ arrows_counterclockwise 🔄 recycle ♻️ white_circle ⚪ red_circle 🔴 large_blue_circle 🔵
large_green_circle 🟢 large_yellow_circle 🟡 green_heart 💚 star ⭐ star2 🌟 sparkles ✨ zap ⚡ sunny ☀️ coffee ☕ 100 💯 chart_with_upwards_trend 📈
bar_chart 📊 file_folder 📁 open_file_folder 📂 package 📦 computer 💻 globe_with_meridians 🌐 house 🏠 busts_in_silhouette 👥 bust_in_silhouette 👤
one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ raised_hand ✋ see_no_evil 🙈 shrug 🤷 man-shrugging 🤷 woman-shrugging 🤷 wastebasket 🗑️ hand ✋
`;

const words = TABLE.trim().split(/\s+/);
export const EMOJI = new Map();
for (let index = 0; index < words.length; index += 2) EMOJI.set(words[index], words[index + 1]);

export const PALETTE = ["+1", "-1", "eyes", "white_check_mark", "tada", "heart", "joy", "question"];

export const emoji = (name) => EMOJI.get(name.split("::")[0]) ?? `:${name}:`;
